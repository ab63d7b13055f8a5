"""Samples by number: all of them, each once, and each as likely."""

from __future__ import annotations

import json
import math
from collections import Counter
from itertools import islice

import numpy as np
import pytest
from generated_domains import constrained_domains, domains
from hypothesis import given
from hypothesis import strategies as st

from retiarii.domain import Categorical, Domain, Numeric, Predicate, Requirement, Subset, Symbol
from retiarii.errors import ConstraintError, DomainError


def texts(samples):
    return sorted(map(repr, samples))


def listed(domain):
    try:
        return list(domain.grid())
    except ConstraintError:
        return []


def digits(count, *rules):
    return Domain([Categorical(f"d{index}", tuple(range(10))) for index in range(count)], {}, rules)


def is_palindrome(sample):
    return sample["d0"] == sample["d2"]


@given(domains())
def test_numbers_are_a_bijection(domain):
    samples = [domain.nth(index) for index in range(domain.size_bound)]
    assert domain.size_bound == domain.size
    assert all(list(domain.canonical(sample).items()) == list(sample.items()) for sample in samples)
    assert texts(samples) == texts(domain.grid())


@given(constrained_domains())
def test_numbers_leave_out_what_breaks_requirements_that_can_be_counted(domain):
    samples = [domain.nth(index) for index in range(domain.size_bound)]
    assert domain.size <= domain.size_bound <= domain.unconstrained.size
    assert len(set(texts(samples))) == len(samples)
    assert texts(filter(domain.keeps, samples)) == texts(listed(domain))
    if all(isinstance(rule, Requirement) for rule in domain.constraints):
        assert domain.size_bound == domain.size


def test_without_conditions_numbers_are_the_order_of_the_grid():
    domain = Domain([Categorical("a", "xyz"), Subset("s", 3, 1), Numeric("n", 5, 8, integer=True)])
    assert [domain.nth(index) for index in range(domain.size_bound)] == list(domain.grid())
    large = digits(400)
    assert [large.nth(index) for index in range(25)] == list(islice(large.grid(), 25))
    assert "".join([str(value) for value in large.nth(int("7" * 400)).values()]) == "7" * 400


def test_a_number_of_400_digits_in_nested_branches():
    choices, conditions = [Categorical("depth", tuple(range(1, 101)))], {}
    for index in range(100):
        choices.append(Categorical(f"op{index}", tuple(range(10**4))))
        conditions[f"op{index}"] = ((Symbol("depth") > index,),)
    domain = Domain(choices, conditions)
    assert domain.size_bound == sum([10 ** (4 * depth) for depth in range(1, 101)])
    found = [domain.nth(index) for index in (0, domain.size_bound // 3, domain.size_bound - 1)]
    assert all(domain.canonical(sample) == sample for sample in found)
    assert len({json.dumps(sample) for sample in found}) == 3


def test_samples_are_uniform_over_models():
    kind = Symbol("kind")
    domain = Domain(
        [Categorical("kind", "abc"), Categorical("size", tuple(range(10))), Subset("s", 2)],
        {"size": ((kind == "a",),), "s": ((kind != "c",),)},
    )
    drawn = Counter(repr(domain.uniform_at(share)) for share in np.random.default_rng(0).random(4500))
    expected = 4500 / domain.size
    assert len(drawn) == domain.size == 45
    assert sum([(count - expected) ** 2 / expected for count in drawn.values()]) < 80  # 44 degrees of freedom


def test_uniform_samples_keep_all_constraints():
    domain = digits(3, Requirement(Symbol("d0") > Symbol("d1")), Predicate(is_palindrome))
    assert (domain.size_bound, domain.size) == (450, 45)
    drawn = Counter(repr(domain.uniform_at(share)) for share in np.random.default_rng(0).random(4500))
    assert len(drawn) == 45
    assert all(60 < count < 150 for count in drawn.values())
    assert domain.uniform_at(0.3) == domain.uniform_at(0.3)


def test_shuffled_is_every_sample_once_in_an_order_of_the_seed():
    for rules in ((), (Requirement(Symbol("d0") > Symbol("d1")),), (Predicate(is_palindrome),)):
        domain = digits(3, *rules)
        first, again, other = (list(domain.shuffled(seed)) for seed in (1, 1, 2))
        assert first == again != other
        assert texts(first) == texts(other) == texts(domain.grid())
        assert len(first) == domain.size


def test_shuffled_begins_at_once_however_many_there_are():
    domain = digits(400)
    few = list(islice(domain.shuffled(0), 100))
    assert len({json.dumps(sample) for sample in few}) == 100
    assert all(
        150 < Counter(sample[label] for sample in few for label in domain.labels)[digit] * 0.05 < 250
        for digit in (0, 9)
    )


def test_a_needle_among_requirements_that_cannot_be_counted_is_found():
    number = sum([Symbol(f"d{index}") * 10**index for index in range(1, 4)], Symbol("d0"))
    domain = digits(4, Requirement(number == 9876))
    assert domain.size_bound == 10**4
    assert [[*sample.values()] for sample in domain.shuffled(0)] == [[6, 7, 8, 9]]


def test_what_has_no_numbers():
    endless = Domain([Categorical("kind", "ab"), Numeric("rate", 0, 1)], {"rate": ((Symbol("kind") == "b",),)})
    assert endless.size_bound == math.inf
    for fails in (lambda: endless.nth(0), lambda: endless.uniform_at(0.5)):
        with pytest.raises(DomainError, match="no numbers where a choice is continuous, as 'rate' is; draw samples"):
            fails()
    with pytest.raises(DomainError, match="'rate' is continuous"):
        list(endless.shuffled(0))
    for index in (-1, 1000):
        with pytest.raises(DomainError, match=f"no sample number {index}; give one from 0 to below 1000"):
            digits(3).nth(index)


def test_nothing_to_number():
    none = digits(2, Requirement(Symbol("d0") > 9))
    assert none.size_bound == none.size == 0
    for fails in (lambda: none.uniform_at(0.5), lambda: next(none.shuffled(0))):
        with pytest.raises(ConstraintError, match="no sample at all is within d0 > 9; in the nearest, try 10, d0 is 9"):
            fails()
    assert [Domain([]).nth(0)] == list(Domain([]).shuffled(0)) == list(Domain([]).grid()) == [{}]


@given(domains(), st.integers(0, 100))
def test_equal_domains_number_alike(domain, number):
    again = Domain(domain.choices.values(), domain.conditions)
    assert again.nth(number % again.size_bound) == domain.nth(number % domain.size_bound)
