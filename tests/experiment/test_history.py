"""Trials and the best of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retiarii import ExperimentError, Trial
from retiarii.experiment import History


def completed(number, metric):
    return Trial(number, {"n": number}).running().completed({"score": metric})


@given(st.lists(st.one_of(st.none(), st.floats(-5, 5), st.just(0.0))), st.sampled_from(["maximize", "minimize"]))
def test_the_best_come_first(metrics, direction):
    trials = [
        Trial(number, {}).running().failed("Traceback") if metric is None else completed(number, metric)
        for number, metric in enumerate(metrics)
    ]
    history = History({"score": direction}, reversed(trials))
    worth = [metric for metric in metrics if metric is not None]
    expected = sorted(worth, reverse=direction == "maximize")
    assert [trial.metric for trial in history.top(len(trials) + 1)] == expected
    assert history.trials == trials
    assert history.best == (history.top(1)[0] if worth else None)
    assert history.counts["failed"] == metrics.count(None)


def test_of_equals_the_first_is_best():
    history = History({"score": "maximize"}, [completed(0, 1.0), completed(1, 2.0), completed(2, 2.0)])
    assert [trial.number for trial in history.top(3)] == [1, 2, 0]
    assert history.best.number == 1


def test_only_completed_trials_are_best():
    """A stopped trial has the metrics that it last reported."""
    stopped = Trial(1, {}, "stopped", {"score": 9.0})
    history = History({"score": "maximize"}, [completed(0, 1.0), stopped])
    assert history.top(2) == [history.best] == [history[0]]
    assert History({"score": "maximize"}, [stopped]).best is None


def test_top_takes_numbers_from_one():
    with pytest.raises(ExperimentError, match=r"top\(0\): give a number from 1"):
        History({"score": "maximize"}).top(0)


def test_shows_how_many_are_where():
    history = History({"score": "maximize"}, [completed(0, 1.0), completed(1, 2.0), Trial(2, {})])
    assert repr(history) == "History(2 completed, 1 waiting)"
    assert repr(History({})) == "History(no trials)"
