"""Integers in an order by chance."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retiarii.domain.permutation import permutation


@given(st.integers(0, 2000), st.integers(0, 2**80))
def test_each_once(size, seed):
    assert sorted(permutation(size, seed)) == list(range(size))


def test_each_once_where_there_are_too_many_for_a_list():
    assert sorted(permutation(70_001, 3)) == list(range(70_001))


@pytest.mark.parametrize(
    "size", [2**16, 2**16 + 1, 10**6, 10**30, 10**400], ids=lambda size: f"10^{len(str(size)) - 1}"
)
def test_the_beginning_is_spread_evenly_and_follows_from_the_seed(size):
    first, again, other = (list(islice(permutation(size, seed), 1000)) for seed in (5, 5, 6))
    assert first == again != other
    assert all(0 <= number < size for number in first)
    tenths = Counter(number * 10 // size for number in first)
    assert all(60 < tenths[tenth] < 140 for tenth in range(10))
    rising = sum([before < after for before, after in pairwise(first)])
    assert 440 < rising < 560
    assert abs(np.corrcoef(np.arange(1000), [number / size for number in first])[0, 1]) < 0.12


def test_neighbours_are_sent_far_apart():
    steps = [abs(after - before) / 10**30 for before, after in pairwise(islice(permutation(10**30, 0), 1000))]
    assert 0.28 < np.mean(steps) < 0.39
