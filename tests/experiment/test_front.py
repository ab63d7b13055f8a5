"""The Pareto front and the hypervolume, against what a slow definition says and against published values."""

from __future__ import annotations

import itertools
import math

import moocore
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retiarii import ExperimentError, Trial
from retiarii.experiment import History
from retiarii.experiment.front import hypervolume, pareto_front

DIRECTIONS = ("maximize", "minimize")


def trials_of(points, names):
    return [
        Trial(number, {}).running().completed(dict(zip(names, point, strict=True)))
        for number, point in enumerate(points)
    ]


def beats(one, other, objectives):
    signs = {name: -1 if direction == "maximize" else 1 for name, direction in objectives.items()}
    gaps = [signs[name] * (other.metrics[name] - one.metrics[name]) for name in objectives]
    return min(gaps) >= 0 and max(gaps) > 0


@st.composite
def searches(draw, most_objectives=4):
    """Trials on a grid so coarse that many are equal in some or all objectives, and their objectives."""
    directions = draw(st.lists(st.sampled_from(DIRECTIONS), min_size=1, max_size=most_objectives))
    objectives = {f"objective{index}": direction for index, direction in enumerate(directions)}
    point = st.tuples(*[st.integers(0, 4).map(float) for _ in directions])
    return trials_of(draw(st.lists(point, max_size=15)), objectives), objectives


@given(searches())
def test_the_front_is_what_no_other_trial_beats(search):
    trials, objectives = search
    front = pareto_front(reversed(trials), objectives)
    unbeaten = [one for one in trials if not any(beats(other, one, objectives) for other in trials)]
    values = [trial.metrics for trial in front]
    assert all(trial.metrics in values for trial in unbeaten)
    assert all(trial in unbeaten for trial in front)
    assert all(values.count(value) == 1 for value in values)
    assert all(trial.number == min(one.number for one in trials if one.metrics == trial.metrics) for trial in front)


@given(searches())
def test_the_best_in_the_primary_objective_comes_first(search):
    trials, objectives = search
    primary, direction = next(iter(objectives.items()))
    order = [trial.metrics[primary] for trial in pareto_front(trials, objectives)]
    assert order == sorted(order, reverse=direction == "maximize")


@given(searches(most_objectives=3), st.data())
def test_the_hypervolume_is_the_number_of_dominated_unit_cubes(search, data):
    trials, objectives = search
    reference = {name: float(data.draw(st.integers(-1, 5))) for name in objectives}
    cubes = itertools.product(range(-1, 5), repeat=len(objectives))

    def covers(trial, corner):
        """Whether a cube with a side of 1 lies between a trial and the reference."""
        for low, (name, direction) in zip(corner, objectives.items(), strict=True):
            ends = sorted([trial.metrics[name], reference[name]])
            better = trial.metrics[name] >= reference[name]
            if better != (direction == "maximize") or not ends[0] <= low <= ends[1] - 1:
                return False
        return True

    expected = sum(any(covers(trial, corner) for trial in trials) for corner in cubes)
    assert hypervolume(trials, objectives, reference) == pytest.approx(expected)


def test_published_hypervolumes():
    both = {"first": "minimize", "second": "minimize"}
    points = trials_of([(5, 5), (4, 6), (2, 7), (7, 4)], both)
    assert hypervolume(points, both, {"first": 10, "second": 10}) == 38.0
    most = dict.fromkeys(both, "maximize")
    assert hypervolume(points, most, {"first": 0, "second": 0}) == 39.0
    many = trials_of(moocore.get_dataset("input1.dat")[:, :2].tolist(), both)
    assert hypervolume(many, both, {"first": 10, "second": 10}) == pytest.approx(93.55331425585321)
    assert len(pareto_front(many, both)) == 6


def test_directions_and_units_are_those_of_the_objectives():
    objectives = {"accuracy": "maximize", "latency": "minimize"}
    trials = trials_of([(90.0, 10.0), (94.0, 30.0), (93.0, 31.0), (60.0, 1.0)], objectives)
    assert [trial.number for trial in pareto_front(trials, objectives)] == [1, 0, 3]
    volume = hypervolume(trials, objectives, {"latency": 40.0, "accuracy": 80.0})
    assert volume == pytest.approx(10 * 30 + 4 * 10)


def test_a_point_no_better_than_the_reference_adds_nothing():
    objectives = {"accuracy": "maximize", "latency": "minimize"}
    trials = trials_of([(80.0, 1.0), (99.0, 40.0), (10.0, 50.0)], objectives)
    assert hypervolume(trials, objectives, {"accuracy": 80.0, "latency": 40.0}) == 0.0
    assert hypervolume([], objectives, {"accuracy": 80.0, "latency": 40.0}) == 0.0


def test_only_completed_trials_count():
    objectives = {"accuracy": "maximize", "latency": "minimize"}
    good = {"accuracy": 99.0, "latency": 0.0}
    others = [
        Trial(1, {}),
        Trial(2, {}).running(),
        Trial(3, {}).running().failed("Traceback"),
        Trial(4, {}, "stopped", good),
    ]
    (completed,) = trials_of([(1.0, 1.0)], objectives)
    assert pareto_front([completed, *others], objectives) == [completed]
    assert hypervolume([completed, *others], objectives, {"accuracy": 0.0, "latency": 2.0}) == 1.0
    assert pareto_front(others, objectives) == []


def test_other_metrics_than_the_objectives_do_not_count():
    trials = trials_of([(1.0, 5.0), (2.0, 9.0)], ["accuracy", "loss"])
    assert pareto_front(trials, {"accuracy": "maximize"}) == [trials[1]]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ({"accuracy": 1.0}, "the reference has no value for 'latency'; give one for each of 'accuracy', 'latency'"),
        (
            {"accuracy": 1.0, "latency": 1.0, "flops": 1.0},
            "the reference has 'flops', which is no objective; those are 'accuracy', 'latency'",
        ),
        ({"accuracy": math.inf, "latency": 1.0}, "the reference has inf for 'accuracy'; give a finite number"),
        ({"accuracy": 1.0, "latency": math.nan}, "the reference has nan for 'latency'; give a finite number"),
        ({"accuracy": "1", "latency": 1.0}, "the reference has '1' for 'accuracy'; give a finite number"),
        ({"accuracy": 1.0, "latency": True}, "the reference has True for 'latency'; give a finite number"),
    ],
)
def test_refuses_an_unusable_reference(reference, message):
    with pytest.raises(ExperimentError) as error:
        hypervolume([], {"accuracy": "maximize", "latency": "minimize"}, reference)
    assert str(error.value) == message


def test_says_which_trial_lacks_a_metric():
    trials = trials_of([(1.0,)], ["accuracy"])
    with pytest.raises(ExperimentError, match=r"^trial 0 has no metric 'flops'; it has 'accuracy'$"):
        pareto_front(trials, {"accuracy": "maximize", "flops": "minimize"})
    with pytest.raises(ExperimentError, match="there are no objectives"):
        pareto_front(trials, {})


def test_a_history_has_both():
    objectives = {"accuracy": "maximize", "latency": "minimize"}
    trials = trials_of(np.random.default_rng(0).random((50, 2)).tolist(), objectives)
    history, reference = History(objectives, trials), {"accuracy": 0.0, "latency": 1.0}
    assert history.pareto_front() == pareto_front(trials, objectives)
    assert history.hypervolume(reference) == hypervolume(trials, objectives, reference) > 0.5
