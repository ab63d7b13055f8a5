"""Samples that differ in one decision."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from generated_domains import constrained_domains, domains
from hypothesis import assume, given
from hypothesis import strategies as st

from retiarii.domain import Categorical, Domain, Numeric, Requirement, Subset, Symbol
from retiarii.domain.value import identity
from retiarii.errors import ConstraintError, DomainError, SampleError


def mutations(domain, seed):
    rng = np.random.default_rng(seed)
    sample = domain.random(rng)
    assume(any(domain.choices[label].size > 1 for label in sample))
    return sample, [domain.mutated(sample, rng) for _ in range(10)]


def changed(before, after):
    return [label for label in before if label in after and identity(before[label]) != identity(after[label])]


@given(domains(), st.integers(0, 50))
def test_one_decision_changes_and_others_only_where_they_come_or_go(domain, seed):
    before, after = mutations(domain, seed)
    for sample in after:
        assert domain.canonical(sample) == sample
        assert len(changed(before, sample)) == 1
        (label,) = changed(before, sample)
        earlier = domain.labels[: domain.labels.index(label)]
        assert [other for other in earlier if other in before] == [other for other in earlier if other in sample]


@given(constrained_domains(), st.integers(0, 50))
def test_mutations_keep_the_constraints(domain, seed):
    assume(domain.size > 1)
    try:
        before, after = mutations(domain, seed)
    except ConstraintError as error:
        assert " tries" in str(error)
        return
    for sample in after:
        assert domain.contains(sample)
        assert domain.canonical(sample) == sample
        assert len(changed(before, sample)) == 1


def test_every_label_with_another_value_is_as_likely_and_so_is_every_value():
    choices = [Categorical("many", tuple(range(6))), Categorical("two", "ab"), Categorical("one", (1,))]
    domain = Domain([*choices, Subset("some", 2, 1), Numeric("rate", 0, 1), Numeric("n", 1, 4, integer=True, log=True)])
    rng = np.random.default_rng(0)
    before = domain.default()
    after = [domain.mutated(before, rng) for _ in range(5000)]
    labels = Counter(label for sample in after for label in changed(before, sample))
    assert labels.keys() == {"many", "two", "some", "rate", "n"}
    assert all(900 < count < 1100 for count in labels.values())
    values = Counter(sample["many"] for sample in after)
    assert all(150 < values[value] < 250 for value in range(1, 6))


def test_what_becomes_active_is_drawn():
    choices = [Categorical("depth", (1, 2)), Categorical("kernel", (3, 5, 7))]
    domain = Domain(choices, {"kernel": ((Symbol("depth") == 2,),)})
    rng = np.random.default_rng(0)
    deeper = [domain.mutated({"depth": 1}, rng) for _ in range(50)]
    assert {sample["kernel"] for sample in deeper} == {3, 5, 7}
    flatter = [domain.mutated({"depth": 2, "kernel": 5}, rng) for _ in range(50)]
    assert {"depth": 1} in flatter
    assert all(sample["depth"] == 1 or sample["kernel"] != 5 for sample in flatter)


def test_the_same_seed_gives_the_same_mutation():
    domain = Domain([Categorical(f"c{index}", tuple(range(9))) for index in range(9)])
    first, second = (domain.mutated(domain.default(), np.random.default_rng(7)) for _ in range(2))
    assert first == second


def test_values_that_look_alike_are_different_ones():
    domain = Domain([Categorical("value", (1, True, 1.0))])
    rng = np.random.default_rng(0)
    assert {repr(domain.mutated({"value": True}, rng)["value"]) for _ in range(20)} == {"1", "1.0"}


def test_a_sample_that_breaks_a_constraint_can_be_repaired():
    choices = [Categorical("width", (8, 16)), Categorical("depth", (1, 2))]
    domain = Domain(choices, {}, [Requirement(Symbol("width") * Symbol("depth") <= 16)])
    rng = np.random.default_rng(0)
    found = {tuple(domain.mutated({"width": 16, "depth": 2}, rng).values()) for _ in range(20)}
    assert found == {(8, 2), (16, 1)}


def test_what_cannot_be_mutated():
    rng = np.random.default_rng(0)
    lone = Domain([Categorical("only", ("this",))])
    with pytest.raises(DomainError, match=r"no choice of the sample \{'only': 'this'\} has another value"):
        lone.mutated({"only": "this"}, rng)
    with pytest.raises(SampleError, match="'only' is 'that'"):
        lone.mutated({"only": "that"}, rng)
    pair = Domain([Categorical("a", (1, 2)), Categorical("b", (1, 2))])
    same = pair.constrained(Requirement(Symbol("a") == Symbol("b")))
    with pytest.raises(ConstraintError, match="no sample within a == b in 256 tries; in the nearest, try 1, a is"):
        same.mutated({"a": 1, "b": 1}, rng)


def test_a_mutation_is_a_function_of_its_shares():
    domain = Domain(
        [Categorical("a", "xyz"), Categorical("one", (1,)), Subset("s", 2), Numeric("n", 1, 4, integer=True)]
    )
    before = {"a": "y", "one": 1, "s": [0], "n": 2}
    assert domain.mutated_at(before, [0.0, 0.0]) == before | {"a": "x"}
    assert domain.mutated_at(before, [0.0, 0.5]) == before | {"a": "z"}
    assert domain.mutated_at(before, [0.5, 0.0]) == before | {"s": []}
    assert domain.mutated_at(before, [0.5, 0.9]) == before | {"s": [0, 1]}
    assert domain.mutated_at(before, [0.9, 0.9]) == before | {"n": 4}
    assert before == {"a": "y", "one": 1, "s": [0], "n": 2}


def test_shares_say_what_becomes_active():
    choices = [Categorical("depth", (1, 2)), Categorical("kernel", (3, 5, 7)), Categorical("width", (8, 16))]
    domain = Domain(choices, {"kernel": ((Symbol("depth") == 2,),)})
    assert domain.mutated_at({"depth": 1, "width": 8}, [0.0, 0.0, 0.0, 0.5, 0.0]) == {
        "depth": 2,
        "kernel": 5,
        "width": 8,
    }


def test_further_tries_follow_from_the_same_shares():
    choices = [Categorical(f"c{index}", tuple(range(9))) for index in range(4)]
    domain = Domain(choices, {}, [Requirement(sum([Symbol(f"c{index}") for index in range(1, 4)], Symbol("c0")) == 7)])
    before, shares = {"c0": 7, "c1": 1, "c2": 0, "c3": 0}, [0.9, 0.9, 0.1, 0.2, 0.3, 0.4]
    found = domain.mutated_at(before, shares)
    assert domain.keeps(found)
    assert [domain.mutated_at(before, shares) for _ in range(3)] == [found] * 3


@given(domains(), st.integers(0, 50))
def test_a_child_has_its_values_from_its_parents(domain, seed):
    rng = np.random.default_rng(seed)
    one, other = domain.random(rng), domain.random(rng)
    for _ in range(5):
        child = domain.crossed(one, other, rng)
        assert domain.canonical(child) == child
        for label, value in child.items():
            inherited = [identity(parent[label]) for parent in (one, other) if label in parent]
            assert not inherited or identity(value) in inherited


@given(constrained_domains(), st.integers(0, 50))
def test_children_keep_the_constraints_that_their_parents_need_not_keep(domain, seed):
    rng = np.random.default_rng(seed)
    one, other = domain.unconstrained.random(rng), domain.unconstrained.random(rng)
    try:
        child = domain.crossed(one, other, rng)
    except ConstraintError as error:
        assert "in 256 tries" in str(error)
        return
    assert domain.contains(child)


def test_every_combination_of_two_parents_is_as_likely():
    domain = Domain([Categorical("a", (1, 2)), Categorical("b", (True, 1, "1"))])
    rng = np.random.default_rng(0)
    children = Counter(repr(domain.crossed({"a": 1, "b": True}, {"a": 2, "b": 1}, rng)) for _ in range(4000))
    assert len(children) == 4
    assert all(900 < count < 1100 for count in children.values())


def test_a_child_takes_from_the_one_parent_that_has_it_and_draws_what_none_has():
    choices = [
        Categorical("kind", "abc"),
        Categorical("big", (1, 2)),
        *[Categorical(f"k{i}", tuple(range(9))) for i in (1, 2)],
    ]
    kind = Symbol("kind")
    conditions = {"k1": ((kind == "a",),), "k2": ((kind == "b", Symbol("big") == 2),)}
    domain = Domain(choices, conditions)
    rng = np.random.default_rng(0)
    children = [domain.crossed({"kind": "a", "big": 2, "k1": 4}, {"kind": "b", "big": 1}, rng) for _ in range(100)]
    assert {child["k1"] for child in children if "k1" in child} == {4}
    assert len({child["k2"] for child in children if "k2" in child}) > 5
