"""How a search stands, however many trials it has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retiarii import Trial
from retiarii.experiment import History
from retiarii.experiment.tally import Tally

MAXIMIZE = {"score": "maximize"}


def shown(tally):
    return {state: count for state, count in tally.counts.items() if count}


def test_a_trial_that_changes_is_counted_once():
    tally = Tally(MAXIMIZE)
    before = None
    trial = Trial(0, {})
    interrupted = trial.running().interrupted(lost=True)
    for now in (trial, trial.running(), interrupted, interrupted.waiting(), trial.running().completed({"score": 0.0})):
        tally.put(now, before)
        assert shown(tally) == {now.state: 1}
        assert (len(tally), tally.ended) == (1, now.has_ended)
        before = now
    assert tally.best == before


def test_goes_on_from_what_is_known():
    best = Trial(3, {}).running().completed({"score": 2.0})
    tally = Tally(MAXIMIZE, {"completed": 2, "failed": 1, "interrupted": 1}, best)
    assert (len(tally), tally.ended, tally.best) == (4, 3, best)
    lost = Trial(1, {}).running().interrupted(lost=True)
    tally.put(lost.waiting(), lost)
    assert shown(tally) == {"completed": 2, "failed": 1, "waiting": 1}
    tally.put(Trial(4, {}).running().completed({"score": 2.0}), None)
    assert tally.best == best, "of equal ones the first is best"
    tally.put(Trial(2, {}).running().completed({"score": 2.0}), None)
    assert tally.best.number == 2, "and that is the one with the lowest number, whenever it ended"


def test_what_it_was_given_stays_as_it_was():
    counts = {"completed": 1}
    Tally(MAXIMIZE, counts).put(Trial(1, {}), None)
    assert counts == {"completed": 1}


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
@given(outcomes=st.permutations(range(12)), metrics=st.lists(st.integers(-2, 2), min_size=12, max_size=12))
def test_says_what_a_history_says(direction, outcomes, metrics):
    objectives = {"score": direction}
    tally, trials = Tally(objectives), []
    for number in outcomes:
        waiting = Trial(number, {})
        running = waiting.running()
        kinds = (
            running.completed({"score": float(metrics[number])}),
            running.failed("Traceback"),
            running.stopped({"score": 9.0}),
            running,
        )
        tally.put(waiting, None)
        tally.put(running, waiting)
        trials.append(kinds[(number + metrics[0]) % 4])
        tally.put(trials[-1], running)
    history = History(objectives, trials)
    assert (tally.best, len(tally), tally.ended) == (history.best, len(history), history.ended)
    assert shown(tally) == {**history.counts}
