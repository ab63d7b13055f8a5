"""The states of a trial."""

from __future__ import annotations

import pickle

import pytest

from retiarii import ExperimentError, Trial

WAITING = Trial(3, {"width": 16}, seed=7)
RUNNING = WAITING.running(host="here", started=10.0)


def test_a_change_of_state_is_a_new_value():
    done = RUNNING.reported(0.25).completed({"accuracy": 0.5, "loss": 2.0}, ended=12.0, duration=1.5)
    assert (WAITING.state, RUNNING.state, done.state) == ("waiting", "running", "completed")
    assert (done.number, done.sample, done.seed, done.host) == (3, {"width": 16}, 7, "here")
    assert (done.started, done.ended, done.duration) == (10.0, 12.0, 1.5)
    assert done.intermediates == (0.25,)
    assert done.error is None


def test_the_metric_is_that_of_the_first_objective():
    assert RUNNING.completed({"accuracy": 0.0, "loss": 2.0}).metric == 0.0
    assert RUNNING.metric is None
    assert RUNNING.failed("Traceback").metric is None


def test_which_states_are_an_end():
    ends = [RUNNING.completed({"a": 1.0}), RUNNING.failed("Traceback"), RUNNING.stopped(), WAITING.stopped()]
    assert all(trial.has_ended for trial in ends)
    assert not any(trial.has_ended for trial in (WAITING, RUNNING, RUNNING.interrupted()))


def test_an_interrupted_trial_waits_as_if_it_had_never_run():
    assert RUNNING.reported(1.0).interrupted().waiting() == WAITING
    assert WAITING.interrupted().waiting() == WAITING


def test_what_is_lost_with_what_ran_it_is_counted():
    once = RUNNING.reported(1.0).interrupted(lost=True)
    assert (once.state, once.interruptions, once.intermediates) == ("interrupted", 1, (1.0,))
    again = once.waiting().running()
    assert (again.interruptions, again.intermediates) == (1, ())
    assert again.interrupted().interruptions == 1
    assert again.interrupted(lost=True).interruptions == 2
    assert again.completed({"a": 1.0}).interruptions == 1


def test_an_interrupted_trial_may_be_given_up():
    lost = RUNNING.interrupted(lost=True).failed("given up", ended=3.0)
    assert (lost.state, lost.error, lost.ended, lost.has_ended) == ("failed", "given up", 3.0, True)


@pytest.mark.parametrize(
    ("trial", "change", "said"),
    [
        (WAITING, lambda trial: trial.completed({"a": 1.0}), "trial 3 is waiting; it cannot become completed"),
        (RUNNING.stopped(), lambda trial: trial.completed({"a": 1.0}), "is stopped; it cannot become completed"),
        (RUNNING.completed({"a": 1.0}), lambda trial: trial.interrupted(), "cannot become interrupted"),
        (RUNNING.interrupted(), lambda trial: trial.running(), "is interrupted; it cannot become running"),
        (RUNNING.interrupted(), lambda trial: trial.stopped(), "is interrupted; it cannot become stopped"),
        (RUNNING, lambda trial: trial.waiting(), "is running; it cannot become waiting"),
        (RUNNING, lambda trial: trial.running(), "is running; it cannot become running"),
    ],
)
def test_other_changes_are_refused(trial, change, said):
    with pytest.raises(ExperimentError, match=said):
        change(trial)


def test_it_is_immutable_and_can_be_sent_elsewhere():
    with pytest.raises(AttributeError):
        RUNNING.state = "completed"
    assert pickle.loads(pickle.dumps(RUNNING)) == RUNNING  # noqa: S301  (its own bytes)
