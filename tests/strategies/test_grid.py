"""Grid search."""

from __future__ import annotations

from itertools import islice

import pytest

from retiarii import DomainError, Trial
from retiarii.domain import Categorical, Domain
from retiarii.strategies import GridSearch
from retiarii.testing import DOMAINS


def bound(domain):
    strategy = GridSearch()
    strategy.bind(domain, {"score": "maximize"}, 0)
    return strategy


def test_order_is_that_of_the_grid():
    asked = list(iter(bound(DOMAINS["conditional"]).ask, None))
    assert asked == list(DOMAINS["conditional"].grid())
    assert len(asked) == 2 + 4 + 8


def test_begins_at_once_in_a_huge_space():
    first, second = islice(iter(bound(DOMAINS["large"]).ask, None), 2)
    assert first["choice29"] == "a"
    assert second == first | {"choice29": "b"}


def test_leaves_out_what_it_is_told():
    grid = list(DOMAINS["flat"].grid())
    strategy = bound(DOMAINS["flat"])
    for number in (0, 1, 3):
        strategy.tell(Trial(number, grid[number]))
    assert list(iter(strategy.ask, None)) == [grid[2], grid[4], grid[5]]


def test_more_samples_than_a_float_can_count():
    domain = Domain([Categorical(f"choice{index}", tuple(range(10))) for index in range(400)])
    assert domain.size == 10**400
    assert domain.contains(bound(domain).ask())


def test_a_continuous_choice_is_refused():
    with pytest.raises(DomainError, match="'rate' is continuous; give it a list of values, or use Random"):
        bound(DOMAINS["continuous"])
