"""Asynchronous successive halving does what its definition says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retiarii import ExperimentError, Trial
from retiarii.stoppers import ASHA

ACCURACY = {"accuracy": "maximize"}


def trial(reports, number=0):
    made = Trial(number, {}).running()
    for report in reports:
        made = made.reported(report)
    return made


def bound(objectives=ACCURACY, **options):
    stopper = ASHA(**options)
    stopper.bind(objectives)
    return stopper


def decisions(stopper, scores, before=()):
    return [stopper.should_stop(trial([*before, score], number)) for number, score in enumerate(scores)]


def test_one_in_so_many_goes_on():
    scores = [5, 3, 7, 6, 6, 5.5, 8]
    # Of 1, 2 and 3 at the rung the best goes on, of 4 and 5 the best two, of 6 and 7 the best three.
    assert decisions(bound(reduction_factor=2), scores) == [False, True, False, False, False, True, False]
    assert decisions(bound(reduction_factor=4), scores) == [False, True, False, True, True, True, False]


def test_a_metric_to_be_minimised_is_turned_round():
    scores = [5, 3, 7, 6]
    assert decisions(bound({"loss": "minimize"}, reduction_factor=2), scores) == [False, False, True, True]


def test_the_rungs_are_powers_apart():
    stopper = bound(min_reports=2, reduction_factor=3)
    best = trial([1.0] * 60, 0).completed({})
    stopper.tell(best)
    stops = [step for step in range(1, 61) if stopper.should_stop(trial([0.0] * step, step))]
    assert stops == [2, 6, 18, 54]


def test_no_rung_lies_where_a_trial_ends():
    stopper = bound(reduction_factor=3, max_reports=9)
    stopper.tell(trial([1.0] * 9, 0).completed({}))
    stops = [step for step in range(1, 10) if stopper.should_stop(trial([0.0] * step, step))]
    assert stops == [1, 3]


def test_ended_trials_stay_at_the_rungs_they_came_to_whatever_became_of_them():
    for end in (lambda made: made.completed({}), lambda made: made.stopped(), lambda made: made.failed("Traceback")):
        stopper = bound(reduction_factor=2)
        stopper.tell(end(trial([1.0, 1.0, 9.0], 0)))
        assert stopper.should_stop(trial([0.0], 1))
        assert stopper.should_stop(trial([0.0, 0.0], 2))
        assert not stopper.should_stop(trial([0.0, 0.0, 0.0, 0.0], 3))


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=5), max_size=20), st.integers(2, 4))
def test_it_is_the_definition_and_a_replay_decides_alike(curves, factor):
    live = bound(reduction_factor=factor)
    rungs = {}
    ended = []
    for number, curve in enumerate(curves):
        replayed = bound(reduction_factor=factor)
        for other in ended:
            replayed.tell(other)
        made = trial([], number)
        for step, score in enumerate(curve, start=1):
            made = made.reported(score)
            stops = live.should_stop(made)
            assert replayed.should_stop(made) == stops
            if step in {factor**power for power in range(5)}:
                reached = rungs.setdefault(step, [])
                reached.append(score)
                last = sorted(reached, reverse=True)[max(1, len(reached) // factor) - 1]
                assert stops == (score < last)
            else:
                assert not stops
            if stops:
                break
        ended.append(made.stopped() if stops else made.completed({}))
        live.tell(ended[-1])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"min_reports": 0}, "ASHA has min_reports=0; give an integer from 1"),
        ({"reduction_factor": 1}, "ASHA has reduction_factor=1; give an integer from 2"),
        ({"reduction_factor": 2.5}, r"reduction_factor=2\.5"),
        ({"max_reports": 3, "min_reports": 3}, "max_reports=3 and min_reports=3, so it would never stop a trial"),
    ],
)
def test_unusable_arguments_are_refused(options, said):
    with pytest.raises(ExperimentError, match=said):
        ASHA(**options)


def test_it_looks_at_the_metric_it_is_told_to():
    objectives = {"accuracy": "maximize", "loss": "minimize"}
    reports = [{"accuracy": 0.9, "loss": 2.0, "time": 1.0}, {"accuracy": 0.1, "loss": 1.0, "time": 2.0}]
    assert decisions(bound(objectives), reports) == [False, True]
    assert decisions(bound(objectives, metric="loss"), reports) == [False, False]
    assert decisions(bound(objectives, metric="time", direction="maximize"), reports) == [False, False]
    assert decisions(bound(objectives, metric="time", direction="minimize"), reports) == [False, True]


def test_a_plain_number_and_a_single_metric_are_the_primary_objective():
    assert decisions(bound(), [0.9, {"accuracy": 0.1}, 0.95]) == [False, True, False]
    assert decisions(bound({"default": "maximize"}), [{"acc": 0.9}, {"acc": 0.1}]) == [False, True]


@pytest.mark.parametrize("report", [{"loss": 1.0, "time": 2.0}, {"acc": 1.0}])
def test_a_report_without_the_metric_is_an_error_that_says_so(report):
    with pytest.raises(ExperimentError, match=r"trial 4 reported \{.*\}, and ASHA looks at 'accuracy': report it, too"):
        bound().should_stop(trial([report], 4))


def test_a_number_is_not_some_other_metric():
    stopper = bound({"accuracy": "maximize", "loss": "minimize"}, metric="loss")
    with pytest.raises(ExperimentError, match=r"trial 0 reported 0\.5, and ASHA looks at 'loss'"):
        stopper.should_stop(trial([0.5]))


def test_ended_trials_without_the_metric_are_left_out():
    stopper = bound()
    stopper.tell(trial([{"loss": 1.0}], 0).completed({}))
    assert decisions(stopper, [0.5]) == [False]


def test_the_direction_of_a_metric_must_be_known():
    with pytest.raises(
        ExperimentError, match=r"ASHA has metric='loss', which is none of the objectives \('accuracy'\)"
    ):
        bound(metric="loss")
    with pytest.raises(ExperimentError, match="direction='up'; give direction='maximize' or 'minimize'"):
        bound(metric="loss", direction="up")
    with pytest.raises(ExperimentError, match="direction='minimize', but the objective 'accuracy' is to maximize"):
        bound(direction="minimize")
