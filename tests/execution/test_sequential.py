"""Trials one after another in this process."""

from __future__ import annotations

import asyncio
import copy
import functools
import random

import numpy as np
import pytest
import torch

from retiarii import ExperimentError, TrialStopped, report_intermediate
from retiarii.engine import Assignment, Completed, Failed, Job, Reported, Started, Stopped
from retiarii.evaluator import current_reporting
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import SequentialEngine
from retiarii.testing import DOMAINS, SampleSpace

OBJECTIVES = {"score": "maximize"}


class Space(SampleSpace):
    """Says which way the model was made."""

    @property
    def graph(self):
        return self

    def apply(self, sample):
        return ("graph", sample["width"])

    def freeze(self, sample):
        return ("module", sample["width"])


def opened(function, argument="sample", folder=None):
    engine = SequentialEngine()
    evaluator = FunctionalEvaluator(function, argument=argument)
    engine.open(Assignment(Space(DOMAINS["flat"]), evaluator, OBJECTIVES, folder=folder))
    return engine


def job(number=0, **others):
    return Job(number, {"width": 16, "kernel": 3}, **others)


def run(function, *jobs, argument="sample", folder=None):
    engine = opened(function, argument, folder)
    engine.submit(jobs or [job()])
    return [event for _ in jobs or [job()] for event in advanced(engine)]


def advanced(engine):
    """The events of the next trial: it is announced by one call, and run by another."""
    events = []
    advance(engine, events.append)
    return events


def advance(engine, listen):
    for _ in range(2):
        engine.advance(listen, 0)


def test_the_events_of_a_trial():
    def function(sample):
        report_intermediate(1)
        report_intermediate({"loss": 2})
        return sample["width"]

    started, first, second, completed = run(function, job(4))
    assert isinstance(started, Started)
    assert started.number == 4
    assert started.host
    assert (first, second) == (Reported(4, 1.0), Reported(4, {"loss": 2.0}))
    assert isinstance(completed, Completed)
    assert completed.metrics == {"score": 16.0}
    assert completed.duration >= 0


@pytest.mark.parametrize(("argument", "seen"), [("module", ("module", 16)), ("graph", ("graph", 16))])
def test_the_evaluator_gets_what_it_asks_for(argument, seen):
    given = []
    run(lambda model: given.append(model) or 1.0, argument=argument)
    assert given == [seen]


def emptying(sample):
    if isinstance(sample["kernel"], list):
        sample["kernel"].clear()
    return sample.pop("width")


def test_the_sample_is_the_evaluators_own():
    for sample in ({"width": 16, "kernel": 3}, {"width": 16, "kernel": [3]}):
        task = Job(0, copy.deepcopy(sample))
        assert isinstance(run(emptying, task)[-1], Completed)
        assert task.sample == sample


def test_jobs_run_in_order_one_at_a_call():
    engine = opened(lambda sample: 1.0)
    assert advanced(engine) == []
    assert engine.room == 1
    engine.submit([job(0), job(1)])
    assert engine.room == 0
    assert [event.number for event in advanced(engine)] == [0, 0]
    assert [event.number for event in advanced(engine)] == [1, 1]
    assert advanced(engine) == []


@pytest.mark.parametrize("end", [Completed, Stopped])
def test_what_an_evaluation_keeps_is_in_the_event_of_its_end(end, tmp_path):
    def keep(sample):
        reporting = current_reporting()
        reporting.files["notes"] = str(reporting.folder / "notes.txt")
        if end is Stopped:
            raise TrialStopped
        return 1.0

    event = run(keep, job(7), folder=tmp_path)[-1]
    assert isinstance(event, end)
    assert event.files == {"notes": str(tmp_path / "7" / "notes.txt")}
    assert not [*tmp_path.iterdir()]


def test_what_was_left_of_a_trial_is_removed_when_it_begins_again(tmp_path):
    folder = tmp_path / "7"
    folder.mkdir()
    (folder / "old.ckpt").touch()
    run(lambda sample: 1.0, job(7), folder=tmp_path)
    assert not folder.exists()


def test_the_seed_decides_what_is_drawn():
    def draw(sample):
        return {"score": random.gauss(), "numpy": np.random.rand(), "torch": torch.rand(())}

    first, again, other = (run(draw, job(seed=seed))[-1].metrics for seed in (1, 1, 2))
    assert first == again
    assert not {*first.values()} & {*other.values()}


def broken(sample):
    return sample["no such label"]


def broken_at_first(sample, seen):
    seen.append(sample)
    return broken(sample) if len(seen) == 1 else 1.0


def test_an_error_is_the_outcome_of_its_trial_only():
    function = functools.partial(broken_at_first, seen=[])
    failed, fine = (event for event in run(function, job(), job(1)) if not isinstance(event, Started))
    assert isinstance(failed, Failed)
    assert isinstance(fine, Completed)
    failure = failed.failure
    assert (failure.kind, failure.message) == ("KeyError", "'no such label'")
    assert failure.text.startswith("Traceback (most recent call last):")
    assert 'return sample["no such label"]' in failure.text
    assert failure.place == f"{__file__}:{broken.__code__.co_firstlineno + 1}"
    assert isinstance(failure.exception, KeyError)


@pytest.mark.parametrize("error", [MemoryError, RecursionError, StopIteration, AssertionError, UnicodeError, Warning])
def test_every_kind_of_exception_is_an_outcome(error):
    def function(sample):
        raise error("no luck \udcff")

    (_, failed) = run(function)
    assert failed.failure.kind == error.__name__
    assert failed.failure.message == "no luck \\udcff"


def test_an_error_that_cannot_be_printed_is_an_outcome():
    class Mute(Exception):
        def __str__(self):
            raise ValueError("no words")

    def function(sample):
        raise Mute

    (_, failed) = run(function)
    assert failed.failure.kind.endswith("Mute")


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_is_meant_for_the_process_is_raised(error):
    def function(sample):
        raise error

    with pytest.raises(error):
        run(function)


def test_a_bad_metric_is_a_failure():
    (_, failed) = run(lambda sample: None)
    assert failed.failure.kind == "MetricError"
    assert failed.failure.message == "metric 'score' is None; expected a finite number"


def test_a_bad_report_fails_the_trial_and_the_earlier_ones_are_kept():
    def function(sample):
        report_intermediate(1)
        report_intermediate(float("inf"))

    (_, reported, failed) = run(function)
    assert reported == Reported(0, 1.0)
    assert "intermediate report 2 is inf" in failed.failure.message


def test_a_waiting_trial_can_be_cancelled():
    engine = opened(lambda sample: 1.0)
    engine.submit([job(0), job(1)])
    engine.cancel(1)
    engine.cancel(7)
    events = [*advanced(engine), *advanced(engine)]
    assert events[0] == Stopped(1, 0.0)
    assert [event.number for event in events[1:]] == [0, 0]


def test_it_can_be_used_again_after_it_was_closed():
    engine = opened(lambda sample: 1.0)
    engine.submit([job(0)])
    engine.close()
    assert advanced(engine) == []
    engine.submit([job(1)])
    assert [event.number for event in advanced(engine)] == [1, 1]


def stopping_at(engine, most, events):
    """Listens, and cancels a trial at its report number `most`."""

    def listen(event):
        events.append(event)
        if sum(isinstance(known, Reported) and known.number == event.number for known in events) == most:
            engine.cancel(event.number)

    return listen


def epochs(count, seen):
    def function(sample):
        for epoch in range(count):
            report_intermediate(epoch)
            seen.append(epoch)
        return 1.0

    return function


def test_reports_are_heard_while_the_trial_runs():
    heard, said = [], []

    def function(sample):
        report_intermediate(1)
        said.append(len(heard))
        return 1.0

    engine = opened(function)
    engine.submit([job()])
    advance(engine, heard.append)
    assert said == [2]


def test_a_trial_can_be_cancelled_at_its_report():
    events, seen = [], []
    engine = opened(epochs(9, seen))
    engine.submit([job(3), job(4)])
    advance(engine, stopping_at(engine, 4, events))
    assert seen == [0, 1, 2]
    assert [type(event) for event in events] == [Started, *[Reported] * 4, Stopped]
    assert (events[-1].number, events[-1].duration >= 0) == (3, True)
    assert isinstance(advanced(engine)[-1], Completed), "the next trial is not stopped"


def test_a_trial_cancelled_as_it_starts_never_runs():
    events, seen = [], []
    engine = opened(epochs(9, seen))
    engine.submit([job()])

    def listen(event):
        events.append(event)
        engine.cancel(event.number)

    advance(engine, listen)
    assert [type(event) for event in events] == [Started, Stopped]
    assert seen == []


def test_handlers_of_exceptions_let_a_stop_pass_and_clean_up():
    cleaned = []

    def function(sample):
        try:
            report_intermediate(1)
        except Exception:  # noqa: BLE001
            cleaned.append("never")
        finally:
            cleaned.append("up")
        return 1.0

    engine, events = opened(function), []
    engine.submit([job()])
    advance(engine, stopping_at(engine, 1, events))
    assert isinstance(events[-1], Stopped)
    assert cleaned == ["up"]


@pytest.mark.parametrize("end", [lambda: 1.0, lambda: 1 / 0])
def test_what_goes_on_after_a_stop_is_stopped_again_and_never_counts(end):
    stops = []

    def stubborn(sample):
        for _ in range(3):
            try:
                report_intermediate(1)
            except TrialStopped as stop:
                stops.append(stop)
        return end()

    engine, events = opened(stubborn), []
    engine.submit([job()])
    advance(engine, stopping_at(engine, 1, events))
    assert len(stops) == 3
    assert [type(event) for event in events] == [Started, Reported, Stopped]


def test_an_evaluation_may_give_its_trial_up():
    def hopeless(sample):
        raise TrialStopped

    assert isinstance(run(hopeless)[-1], Stopped)


class Told(BaseException):
    pass


@pytest.mark.parametrize("error", [ExperimentError("full"), KeyboardInterrupt(), StopIteration(), Told()])
@pytest.mark.parametrize("at", [Started, Reported, Completed])
def test_an_error_of_the_listener_comes_out_unchanged(error, at):
    swallowed = []

    def stubborn(sample):
        for _ in range(2):
            try:
                report_intermediate(1)
            except BaseException as caught:  # noqa: BLE001
                swallowed.append(type(caught))
        raise ValueError("of the evaluation")

    def listen(event):
        if isinstance(event, at):
            raise error

    engine = opened(stubborn if at is Reported else lambda sample: 1.0)
    engine.submit([job()])
    with pytest.raises(type(error)) as raised:
        advance(engine, listen)
    assert raised.value is error
    assert swallowed == ([TrialStopped] * 2 if at is Reported else [])


def test_it_can_be_used_again_after_a_listener_raised():
    engine = opened(epochs(2, []))
    engine.submit([job()])
    with pytest.raises(KeyError):
        engine.advance({}.__getitem__, 0)
    engine.close()
    engine.submit([job()])
    assert isinstance(advanced(engine)[-1], Completed)


def in_tasks(*functions):
    """An evaluation that runs functions, each as a task of a group."""

    async def together():
        async def call(function):
            function()

        async with asyncio.TaskGroup() as tasks:
            for function in functions:
                tasks.create_task(call(function))

    def evaluation(sample):
        asyncio.run(together())
        return 1.0

    return evaluation


def reporting():
    report_intermediate(1)


def giving_up():
    raise TrialStopped


def failing():
    raise ValueError("of the evaluation")


@pytest.mark.parametrize("functions", [[reporting], [reporting] * 2, [reporting, failing]])
def test_a_stop_within_a_group_of_tasks_is_a_stop(functions):
    engine, events = opened(in_tasks(*functions)), []
    engine.submit([job()])
    advance(engine, stopping_at(engine, 1, events))
    assert isinstance(events[-1], Stopped)


def test_groups_of_errors_are_outcomes_of_their_trial():
    assert isinstance(run(in_tasks(giving_up))[-1], Stopped)
    for functions in ([failing], [failing, giving_up]):
        failure = run(in_tasks(*functions))[-1].failure
        assert "ValueError: of the evaluation" in failure.text
        assert failure.kind.endswith("ExceptionGroup")


def test_a_group_with_what_is_meant_for_the_process_is_raised():
    group = BaseExceptionGroup("several", [TrialStopped(), KeyboardInterrupt()])

    def function(sample):
        raise group

    with pytest.raises(BaseExceptionGroup) as raised:
        run(function)
    assert raised.value is group
