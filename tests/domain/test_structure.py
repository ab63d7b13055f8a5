"""The steps of local search, and samples from shares."""

from __future__ import annotations

import math
from itertools import islice

import numpy as np
import pytest
from generated_domains import constrained_domains, domains
from hypothesis import assume, given
from hypothesis import strategies as st

from retiarii.domain import Categorical, Domain, Numeric, Predicate, Requirement, Subset, Symbol
from retiarii.domain.value import identity
from retiarii.errors import DomainError, SampleError


def drawn(domain, seed):
    return domain.random(np.random.default_rng(seed))


def differing(one, other):
    return [label for label in one if label in other and identity(one[label]) != identity(other[label])]


@given(domains(), st.integers(0, 20))
def test_neighbours_differ_in_one_decision_each_in_another(domain, seed):
    sample = drawn(domain, seed)
    neighbours = list(domain.neighbours(sample))
    assert len({repr(neighbour) for neighbour in neighbours}) == len(neighbours)
    assert len(neighbours) == sum([domain.choices[label].size - 1 for label in sample])
    for neighbour in neighbours:
        assert list(domain.canonical(neighbour).items()) == list(neighbour.items())
        assert len(differing(sample, neighbour)) == 1


@given(domains(), st.integers(0, 20))
def test_neighbours_know_each_other_where_no_choice_comes_or_goes(domain, seed):
    sample = drawn(domain, seed)
    for neighbour in domain.neighbours(sample):
        if neighbour.keys() == sample.keys():
            assert sample in list(domain.neighbours(neighbour))


@given(constrained_domains(), st.integers(0, 20))
def test_neighbours_keep_the_constraints(domain, seed):
    sample = drawn(domain.unconstrained, seed)
    neighbours = list(domain.neighbours(sample))
    kept = [neighbour for neighbour in domain.unconstrained.neighbours(sample) if domain.contains(neighbour)]
    assert neighbours == kept
    assert all(domain.keeps(neighbour) for neighbour in neighbours)


def test_what_becomes_active_takes_its_default_and_what_stays_active_stays():
    depth = Symbol("depth")
    choices = [Categorical("depth", (1, 2, 3)), Categorical("k2", (3, 5)), Categorical("k3", (7, 9)), Subset("s", 1)]
    domain = Domain(choices, {"k2": ((depth > 1,),), "k3": ((depth > 2,),)})
    assert list(domain.neighbours({"depth": 2, "k2": 5, "s": []})) == [
        {"depth": 1, "s": []},
        {"depth": 3, "k2": 5, "k3": 7, "s": []},
        {"depth": 2, "k2": 3, "s": []},
        {"depth": 2, "k2": 5, "s": [0]},
    ]
    sample = {"depth": 1, "s": []}
    assert list(domain.moves(sample)) == [("depth", 2), ("depth", 3), ("s", [0])]
    assert domain.moved(sample, "depth", 2) == {"depth": 2, "k2": 3, "s": []}
    assert sample == {"depth": 1, "s": []}


def test_neighbours_are_lazy_and_few_even_of_long_ranges():
    domain = Domain([Subset("s", 2000), Numeric("n", 1, 2**40, integer=True), Numeric("rate", 0.1, 1, log=True)])
    assert len(list(islice(domain.neighbours(domain.default()), 10))) == 10
    assert [label for label, _ in domain.moves({"s": [], "n": 2**39, "rate": 0.3})].count("n") == 10


def test_only_samples_have_neighbours():
    with pytest.raises(SampleError, match="'size' is 9"):
        domain = Domain([Categorical("size", (1, 2))])
        list(domain.neighbours({"size": 9}))


@given(domains(), st.lists(st.floats(0, 1, exclude_max=True), min_size=6, max_size=9))
def test_shares_give_a_sample(domain, shares):
    sample = domain.at(shares)
    assert list(domain.canonical(sample).items()) == list(sample.items())
    for label, share in zip(domain.labels, shares, strict=False):
        assert label not in sample or sample[label] == domain.choices[label].at(share)


@given(domains(), st.integers(0, 100))
def test_random_samples_are_those_of_uniform_shares(domain, seed):
    shares = np.random.default_rng(seed).random(len(domain.labels)).tolist()
    assert domain.at(shares) == drawn(domain, seed)


@given(constrained_domains(), st.integers(0, 20))
def test_shares_give_a_sample_that_keeps_the_constraints(domain, seed):
    assume(domain.size > 0)
    shares = np.random.default_rng(seed).random(len(domain.labels)).tolist()
    sample = domain.at(shares)
    assert domain.contains(sample)
    assert sample == domain.at(shares) == drawn(domain, seed)
    plain = domain.unconstrained.at(shares)
    assert sample == plain or not domain.contains(plain)


def test_too_few_shares():
    domain = Domain([Categorical("a", (1, 2)), Categorical("b", (1, 2))], {"b": ((Symbol("a") == 1,),)})
    with pytest.raises(DomainError, match="there are 1 shares for 2 choices; give 2"):
        domain.at([0.5])
    with pytest.raises(DomainError, match="there are 2 shares for 2 choices; give 4"):
        domain.mutated_at({"a": 2}, [0.5, 0.5])


def is_empty(sample):
    return sample["s"] == []


def test_how_far_a_sample_is_from_each_constraint():
    width = Symbol("width")
    rules = [Predicate(is_empty), Requirement(width <= 16), Requirement(width >= 2)]
    domain = Domain([Numeric("width", 1, 64, integer=True), Subset("s", 2)], {}, rules)
    assert domain.distances({"width": 20, "s": [1]}).tolist() == [math.inf, 4.0, 0.0]
    assert domain.distances({"width": 1, "s": []}).tolist() == [0.0, 0.0, 1.0]
    assert not domain.keeps({"width": 1, "s": []})
    assert domain.keeps({"width": 2, "s": []})
    assert domain.unconstrained.distances({"width": 1, "s": []}).shape == (0,)
    assert domain.unconstrained.keeps({"width": 1, "s": []})
