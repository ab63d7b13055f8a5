"""The median rule does what its paper says."""

from __future__ import annotations

from statistics import fmean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retiarii import ExperimentError, Trial
from retiarii.stoppers import MedianRule

ACCURACY = {"accuracy": "maximize", "loss": "minimize"}
CURVES = ([1.0, 2.0, 3.0], [3.0, 3.0, 3.0], [5.0, 1.0, 0.0])
"""Their running averages: 1, 3, 5, then 1.5, 3, 3, then 2, 3, 2."""


def trial(reports, number=0):
    made = Trial(number, {}).running()
    for report in reports:
        made = made.reported(report)
    return made


def rule(objectives=ACCURACY, curves=CURVES, **options):
    stopper = MedianRule(**{"min_trials": 3, **options})
    stopper.bind(objectives)
    for number, curve in enumerate(curves):
        stopper.tell(trial(curve, number).completed({}))
    return stopper


@pytest.mark.parametrize(
    ("reports", "stops"),
    [
        ([2.9], True),
        ([3.0], False),
        ([2.9, 2.9], True),
        ([2.0, 3.0], False),
        ([1.0, 1.0, 1.9], True),
        ([1.0, 2.5, 1.0], False),
        ([0.0] * 4, False),
    ],
)
def test_worse_than_the_median_of_the_running_averages(reports, stops):
    assert rule().should_stop(trial(reports, 9)) is stops


def test_a_metric_to_be_minimised_is_turned_round():
    stopper = rule({"loss": "minimize"})
    assert stopper.should_stop(trial([3.1], 9))
    assert not stopper.should_stop(trial([3.0], 9))
    assert not stopper.should_stop(trial([3.1, 2.0], 9)), "its best so far counts"


def test_of_an_even_number_the_median_lies_between():
    stopper = rule(curves=([1.0], [2.0], [4.0], [9.0]))
    assert stopper.should_stop(trial([2.9], 9))
    assert not stopper.should_stop(trial([3.0], 9))


def test_too_few_completed_trials_stop_nothing():
    assert not rule(min_trials=4).should_stop(trial([0.0], 9))
    assert not rule(curves=CURVES[:2]).should_stop(trial([0.0], 9))
    short = rule(curves=[*CURVES[:2], [4.0]])
    assert short.should_stop(trial([0.0], 9))
    assert not short.should_stop(trial([0.0, 0.0], 9)), "one of the three did not report twice"


def test_nothing_is_stopped_before_the_warmup_is_over():
    stopper = rule(warmup=2)
    assert [stopper.should_stop(trial([0.0] * count, 9)) for count in (1, 2, 3)] == [False, False, True]


def test_only_completed_trials_are_looked_at():
    stopper = rule(curves=())
    for number in range(3):
        stopper.tell(trial([5.0], number).stopped({"accuracy": 5.0}))
        stopper.tell(trial([5.0], number).failed("Traceback"))
    assert not stopper.should_stop(trial([0.0], 9))


def test_binding_again_forgets():
    stopper = rule()
    stopper.bind(ACCURACY)
    assert not stopper.should_stop(trial([0.0], 9))


curves = st.lists(st.lists(st.floats(-10, 10), min_size=1, max_size=5), max_size=8)


@given(curves, st.lists(st.floats(-10, 10), min_size=1, max_size=5))
def test_it_is_the_definition(known, reports):
    step = len(reports)
    averages = [fmean(curve[:step]) for curve in known if len(curve) >= step]
    stops = len(averages) >= 2 and max(reports) < median(averages)
    close = len(averages) >= 2 and abs(max(reports) - median(averages)) < 1e-9
    assert rule(curves=known, min_trials=2).should_stop(trial(reports, 9)) == stops or close


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"warmup": -1}, "MedianRule has warmup=-1; give an integer from 0"),
        ({"min_trials": 0}, "MedianRule has min_trials=0; give an integer from 1"),
        ({"min_trials": 2.0}, r"min_trials=2\.0"),
        ({"warmup": True}, "warmup=True"),
    ],
)
def test_unusable_arguments_are_refused(options, said):
    with pytest.raises(ExperimentError, match=said):
        MedianRule(**options)
