"""NSGA-II: who survives, who breeds, and what comes of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retiarii import ExperimentError, Trial
from retiarii.domain import Categorical, Domain, Limit, Predicate
from retiarii.experiment.front import hypervolume
from retiarii.strategies import NSGA2, Random
from retiarii.strategies.nsga2 import _best_first, _crowding, _Member

OBJECTIVES = {"score": "maximize", "cost": "minimize"}
PLAIN = Domain([Categorical(f"choice{index}", (0, 1, 2, 3)) for index in range(8)])


def bound(domain=PLAIN, objectives=None, **options):
    strategy = NSGA2(**options)
    strategy.bind(domain, objectives or OBJECTIVES, seed=3)
    return strategy


def ended(number, sample, **metrics):
    return Trial(number, sample).running().completed(metrics)


def samples_of(strategy):
    return [member.sample for member in strategy._population]


def member(name, costs, violations=()):
    return _Member(bytes([name]), {"name": name}, tuple(costs), tuple(violations))


def dominates(one, other):
    if any(one.violations) != any(other.violations):
        return not any(one.violations)
    ours, theirs = (each.violations if any(each.violations) else each.costs for each in (one, other))
    return ours != theirs and all(map(float.__le__, ours, theirs))


def measured(sample):
    """Most score for most cost, with a gain from the choices that the cost does not see."""
    values = [*sample.values()]
    return {"score": float(sum(values) + 3 * sum([value == 2 for value in values])), "cost": float(sum(values))}


def searched(strategy, objectives, seed, budget=150, metrics=measured):
    strategy.bind(PLAIN, objectives, seed)
    trials = []
    for number in range(budget):
        sample = strategy.ask()
        trials.append(ended(number, sample, **metrics(sample)))
        strategy.tell(trials[-1])
    return trials


def test_crowding_is_the_room_between_the_neighbours_on_a_front():
    costs = np.array([[0.0, 10.0], [2.0, 6.0], [4.0, 5.0], [10.0, 0.0], [10.0, 10.0]])
    crowding = _crowding(costs, np.array([0, 0, 0, 0, 1]))
    assert crowding.tolist() == pytest.approx([np.inf, 0.4 + 0.5, 0.8 + 0.6, np.inf, np.inf])


def test_crowding_of_equals_is_none():
    assert _crowding(np.ones((4, 2)), np.zeros(4, dtype=int)).tolist() == [np.inf, 0, 0, np.inf]


coordinates = st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0]), min_size=2, max_size=2)


violations = st.tuples(*[st.sampled_from([0.0, 0.0, 1.0, 2.0, np.inf])] * 2)


@given(st.lists(st.tuples(coordinates, violations), min_size=1, max_size=12))
def test_fronts_come_one_after_another_and_broken_constraints_last(drawn):
    members = [member(name, costs, broken) for name, (costs, broken) in enumerate(drawn)]
    ordered = _best_first(members)
    assert sorted(each.sample["name"] for each in ordered) == [*range(len(members))]
    left = list(members)
    while left:
        front = [one for one in left if not any(dominates(other, one) for other in left)]
        now, ordered = ordered[: len(front)], ordered[len(front) :]
        assert {each.digest for each in now} == {each.digest for each in front}
        left = [one for one in left if one not in front]


def test_the_population_keeps_the_front_and_its_ends():
    strategy = bound(population_size=4)
    for number, (score, cost) in enumerate([(5, 5), (1, 1), (3, 3), (9, 9), (2.9, 3.1), (3.1, 3.0), (4.9, 5.1)]):
        strategy.tell(ended(number, {"choice0": number}, score=score, cost=cost))
    assert sorted(sample["choice0"] for sample in samples_of(strategy)) == [0, 1, 3, 5]


def test_only_what_was_measured_joins():
    strategy = bound(population_size=4)
    strategy.tell(Trial(0, {"choice0": 0}))
    strategy.tell(Trial(1, {"choice0": 1}).running().failed("Traceback"))
    strategy.tell(Trial(2, {"choice0": 2}, "stopped", {"score": 1.0, "cost": 1.0}))
    strategy.tell(Trial(3, {"choice0": 3}, "stopped", {"score": 1.0}))
    strategy.tell(ended(4, {"choice0": 4}, score=float("nan"), cost=1.0))
    assert samples_of(strategy) == [{"choice0": 2}]


def test_a_sample_told_again_takes_its_own_place():
    strategy = bound(population_size=4)
    sample, other = PLAIN.default(), PLAIN.default() | {"choice7": 3}
    strategy.tell(ended(0, sample, score=9.0, cost=1.0))
    strategy.tell(ended(1, other, score=5.0, cost=1.0))
    strategy.tell(ended(2, sample, score=1.0, cost=1.0))
    assert samples_of(strategy) == [other, sample]


def test_children_take_after_two_parents():
    strategy = bound(population_size=2, mutations=1e-9)
    one, other = ({label: value for label in PLAIN.labels} for value in (1, 2))
    strategy.tell(ended(0, one, score=1.0, cost=1.0))
    strategy.tell(ended(1, other, score=2.0, cost=2.0))
    children = [strategy.ask() for _ in range(40)]
    assert all(set(child.values()) <= {1, 2} for child in children)
    assert any(len(set(child.values())) == 2 for child in children)


def test_as_many_decisions_change_as_asked_for():
    strategy = bound(population_size=2, mutations=2.0)
    one = dict.fromkeys(PLAIN.labels, 0)
    strategy.tell(ended(0, one, score=2.0, cost=1.0))
    strategy.tell(ended(1, one | {"choice0": 1}, score=1.0, cost=2.0))
    changed = [sum(child[label] != 0 for label in PLAIN.labels[1:]) for child in (strategy.ask() for _ in range(400))]
    assert np.mean(changed) == pytest.approx(2.0 * 7 / 8, abs=0.35)


def test_where_parents_have_no_child_within_the_constraints_a_random_sample_comes():
    def is_sane(sample):
        return sample["choice0"] != 0

    strategy = bound(PLAIN.constrained(Predicate(is_sane)), population_size=2)
    for number in range(2):
        strategy.tell(ended(number, dict.fromkeys(PLAIN.labels, 0) | {"choice1": number}, score=1.0, cost=1.0))
    assert is_sane(strategy.ask())


def test_trials_that_break_a_constraint_are_behind_and_the_nearest_goes_last():
    class Sum:
        name = "sum"

        def __call__(self, samples):
            return np.array([sum(sample.values()) for sample in samples])

    strategy = bound(PLAIN.constrained(Limit(Sum(), upper=10)), population_size=3)
    within, near, far = (
        dict.fromkeys(PLAIN.labels, 1) | {"choice0": 1 + 2 * n, "choice1": 1 + 2 * n} for n in range(3)
    )
    for number, sample in enumerate([far, near, within]):
        strategy.tell(ended(number, sample, score=9.0 - number, cost=1.0))
    assert samples_of(strategy) == [within, near, far]
    strategy.tell(ended(3, PLAIN.default(), score=0.0, cost=9.0))
    assert samples_of(strategy) == [within, PLAIN.default(), near]


def test_what_is_out_and_in_what_order_it_went_out_makes_no_difference():
    strategies = [bound(population_size=4) for _ in range(2)]
    rng = np.random.default_rng(0)
    trials = [Trial(number, PLAIN.random(rng)) for number in range(12)]
    results = [trial.running().completed(measured(trial.sample)) for trial in trials[:9]]
    for trial in [*trials, *results]:
        strategies[0].tell(trial)
    for trial in [*results, *reversed(trials[9:])]:
        strategies[1].tell(trial)
    assert strategies[0].ask() == strategies[1].ask()


@pytest.mark.parametrize("names", [["score"], ["score", "cost"], ["score", "cost", "third"]])
def test_finds_better_fronts_than_random_search(names):
    def metrics(sample):
        found = measured(sample) | {"third": float(sum(value == 1 for value in sample.values()))}
        return {name: found[name] for name in names}

    objectives = {"score": "maximize", "cost": "minimize", "third": "minimize"}
    objectives = {name: objectives[name] for name in names}
    reference = {name: {"score": 0.0, "cost": 25.0, "third": 9.0}[name] for name in names}
    means = [
        np.mean(
            [
                hypervolume(searched(make(), objectives, seed, metrics=metrics), objectives, reference)
                for seed in range(5)
            ]
        )
        for make in (NSGA2, Random)
    ]
    assert means[0] > 1.05 * means[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"population_size": 1}, r"NSGA2\(population_size=1\): give an integer from 2"),
        ({"population_size": 20.0}, r"NSGA2\(population_size=20.0\): give an integer"),
        ({"population_size": True}, r"NSGA2\(population_size=True\): give an integer"),
        ({"mutations": 0}, r"NSGA2\(mutations=0\): give a positive number"),
        ({"mutations": float("inf")}, r"NSGA2\(mutations=inf\): give a positive number"),
    ],
)
def test_refuses_unusable_arguments(options, message):
    with pytest.raises(ExperimentError, match=message):
        NSGA2(**options)


def test_as_many_random_samples_come_first_as_the_population_has():
    strategy = bound(population_size=6, mutations=1e-9)
    for number in range(6):
        assert {value for _ in range(9) for value in strategy.ask().values()} == {0, 1, 2, 3}
        sample = dict.fromkeys(PLAIN.labels, 0) | {f"choice{number}": 1}
        strategy.tell(ended(number, sample, score=float(number), cost=float(number)))
    assert {value for _ in range(9) for value in strategy.ask().values()} == {0, 1}
