from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retiarii.domain import Categorical, Numeric, Subset
from retiarii.domain.value import identity
from retiarii.strategies.policy.decisions import decisions

CHOICES = [
    Categorical("one", ("only",)),
    Categorical("alike", (1, True, 1.0, "1", None, (1,), {"a": [1]})),
    Subset("some", 5, 1, 3),
    Subset("all", 3, 3),
    Subset("none", 3, 0, 0),
    Subset("any", 4),
    Numeric("few", -3, 4, integer=True),
    Numeric("same", 7, 7, integer=True),
    Numeric("many", -5, 1000, integer=True),
    Numeric("widths", 1, 4096, integer=True, log=True),
    Numeric("largest", -(2**63) + 1, 2**63 - 1, integer=True),
    Numeric("largest-log", 1, 2**63 - 1, integer=True, log=True),
    Numeric("share", 0.0, 1.0),
    Numeric("rate", 1e-6, 1.0, log=True),
    Numeric("tiny", 1.0, np.nextafter(1.0, 2.0)),
    Numeric("huge", -sys.float_info.max, sys.float_info.max),
    Numeric("huge-log", sys.float_info.min, sys.float_info.max, log=True),
]


def ways(decided, taken=()):
    """All ways through the steps by legal options."""
    if len(taken) == len(decided.widths):
        return [list(taken)]
    legal = decided.legal(np.array([taken], dtype=np.int64).reshape(1, -1))
    assert legal.shape == (1, decided.widths[len(taken)])
    assert legal.any(), "there is always a way on"
    return [way for option in np.flatnonzero(legal[0]) for way in ways(decided, (*taken, int(option)))]


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice.label)
def test_every_way_leads_to_a_value_and_every_value_has_one_way(choice):
    decided = decisions(choice)
    rng = np.random.default_rng(0)
    for way in ways(decided):
        for _ in range(10):
            value = decided.value(way, rng)
            assert choice.check(value) == value
            assert type(choice.check(value)) is type(value)
            assert decided.options(value) == way
    for _ in range(50):
        assert decided.options(choice.random(rng)) in ways(decided)


@pytest.mark.parametrize("choice", [choice for choice in CHOICES if choice.size < 10], ids=lambda choice: choice.label)
def test_the_ways_are_as_many_as_the_values_where_these_are_few(choice):
    decided, rng = decisions(choice), np.random.default_rng(0)
    found = [identity(decided.value(way, rng)) for way in ways(decided)]
    assert sorted(map(repr, found)) == sorted(repr(identity(value)) for value in choice.values())


def test_what_has_one_value_only_takes_no_step():
    assert [decisions(choice).widths for choice in CHOICES if choice.size == 1] == [()] * 4


@given(st.integers(-1000, 1000), st.integers(0, 1000), st.booleans())
def test_ranges_of_integers_are_about_equally_wide_and_leave_no_gap(low, span, log):
    low = abs(low) + 1 if log else low
    decided = decisions(Numeric("number", low, low + span, integer=True, log=log))
    options = [decided.options(value) for value in range(low, low + span + 1)]
    assert options == sorted(options)
    assert {*itertools.chain(*options)} == {*range(sum(decided.widths))}
    counts = [options.count([option]) for option in range(sum(decided.widths))]
    if not log:
        assert max(counts, default=1) - min(counts, default=1) <= 1


@pytest.mark.parametrize(
    ("choice", "values"),
    [
        (Numeric("share", 0.0, 1.0), [(place + 0.5) / 10 for place in range(10)]),
        (Numeric("rate", 1e-10, 1.0, log=True), [10.0 ** (place - 9.5) for place in range(10)]),
    ],
)
def test_ranges_of_numbers_are_equally_wide_on_the_scale_of_the_choice(choice, values):
    decided = decisions(choice)
    assert [decided.options(value) for value in values] == [[option] for option in range(10)]
    rng = np.random.default_rng(1)
    inside = [decided.value([4], rng) for _ in range(2000)]
    below = np.mean([value < values[4] for value in inside])
    assert abs(below - 0.5) < 0.05, "drawn as the choice draws it"
