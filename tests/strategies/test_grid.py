"""Grid search."""

from __future__ import annotations

import json
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retiarii import ConstraintError, DomainError, Trial
from retiarii.domain import Categorical, Domain, Requirement, Symbol
from retiarii.strategies import GridSearch
from retiarii.testing import DOMAINS
from retiarii.testing.simulated_search import SimulatedSearch


def bound(domain, seed=0, **arguments):
    strategy = GridSearch(**arguments)
    strategy.bind(domain, {"score": "maximize"}, seed)
    return strategy


def asked(strategy, count=None):
    return list(islice(iter(strategy.ask, None), count))


def test_order_is_that_of_the_grid():
    strategy = bound(DOMAINS["conditional"])
    samples = asked(strategy)
    assert samples == list(DOMAINS["conditional"].grid())
    assert len(samples) == 2 + 4 + 8
    assert strategy.ask() is None
    assert strategy.ending == "every sample of the space has been tried"


def test_begins_at_once_in_a_huge_space():
    first, second = asked(bound(DOMAINS["large"]), 2)
    last = DOMAINS["large"].labels[-1]
    assert first[last] == "a"
    assert second == first | {last: "b"}


def test_leaves_out_what_it_is_told():
    grid = list(DOMAINS["flat"].grid())
    strategy = bound(DOMAINS["flat"])
    for number in (0, 1, 3):
        strategy.tell(Trial(number, grid[number]))
    assert asked(strategy) == [grid[2], grid[4], grid[5]]


@pytest.mark.parametrize("shuffle", [False, True])
def test_more_samples_than_a_float_can_count(shuffle):
    domain = Domain([Categorical(f"choice{index}", tuple(range(10))) for index in range(400)])
    assert domain.size == 10**400
    few = asked(bound(domain, shuffle=shuffle), 20)
    assert len({json.dumps(sample) for sample in few}) == 20
    assert all(domain.contains(sample) for sample in few)


@pytest.mark.parametrize("name", ["flat", "conditional", "constrained", "subsets", "integers", "rare", "single"])
def test_shuffled_is_the_same_samples_in_an_order_of_the_seed(name):
    domain = DOMAINS[name]
    first, again, other = (asked(bound(domain, seed, shuffle=True)) for seed in (1, 1, 2))
    assert first == again
    assert sorted(map(json.dumps, first)) == sorted(map(json.dumps, other)) == sorted(map(json.dumps, domain.grid()))
    assert first != other or domain.size == 1


def test_a_shuffled_beginning_is_a_fair_look_at_a_huge_space():
    domain = DOMAINS["large"]
    values = [value for sample in asked(bound(domain, shuffle=True), 200) for value in sample.values()]
    assert all(0.22 < values.count(value) / len(values) < 0.28 for value in "abcd")


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_proposal_that_becomes_no_trial_changes_nothing(shuffle):
    whole, resumed = (bound(DOMAINS["subsets"], 5, shuffle=shuffle) for _ in range(2))
    tried = []
    for number in range(6):
        thrown, sample = asked(whole, 2)
        assert thrown != sample
        whole.tell(Trial(number, sample))
        tried.append(sample)
    for number, sample in enumerate(tried):
        resumed.tell(Trial(number, sample).running().completed({"score": 1.0}))
    assert asked(resumed) == asked(whole)


def test_without_announcements_no_proposal_comes_again():
    strategy = bound(DOMAINS["subsets"])
    samples = asked(strategy, 8)
    for number in (5, 2, 7):
        strategy.tell(Trial(number, samples[number]).running().completed({"score": 1.0}))
    samples += asked(strategy)
    assert samples == list(DOMAINS["subsets"].grid())


@given(st.booleans(), st.integers(0, 50), st.integers(1, 6), st.integers(0, 10))
def test_an_overlapping_search_is_resumed_where_it_was(shuffle, seed, capacity, cut):
    strategy = bound(DOMAINS["subsets"], seed, shuffle=shuffle)
    search = SimulatedSearch(strategy, capacity=capacity, seed=seed).run(cut)
    resumed = search.resumed(GridSearch(shuffle=shuffle))
    assert search.run(100).proposed == resumed.run(100).proposed
    assert len(search.proposed) == strategy.domain.size


@pytest.mark.parametrize("shuffle", [False, True])
def test_only_what_keeps_the_constraints_is_listed(shuffle):
    domain = DOMAINS["constrained"]
    kept = [sample for sample in domain.unconstrained.grid() if domain.contains(sample)]
    found = asked(bound(domain, shuffle=shuffle))
    assert sorted(map(json.dumps, found)) == sorted(map(json.dumps, kept))
    assert shuffle or found == kept
    assert 0 < len(kept) == domain.size < domain.unconstrained.size


@pytest.mark.parametrize("shuffle", [False, True])
def test_constraints_that_no_sample_keeps_are_an_error(shuffle):
    with pytest.raises(ConstraintError, match="no sample at all is within width > 64; in the nearest, try 3, wid"):
        bound(DOMAINS["flat"].constrained(Requirement(Symbol("width") > 64)), shuffle=shuffle).ask()


def test_a_continuous_choice_is_refused():
    with pytest.raises(DomainError, match="'rate' is continuous; give it a list of values, or use Random"):
        bound(DOMAINS["continuous"])
