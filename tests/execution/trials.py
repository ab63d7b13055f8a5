"""Trials that an engine runs without an experiment."""

from __future__ import annotations

import time
from contextlib import contextmanager

import psutil

from retiarii.engine import Assignment, Completed, Failed, Interrupted, Job, Stopped
from retiarii.evaluators import FunctionalEvaluator
from retiarii.testing import DOMAINS, SampleSpace

PATIENCE = 60
OBJECTIVES = {"default": "maximize"}
ENDS = (Completed, Failed, Stopped, Interrupted)


def assignment(function, argument="sample", space=None, folder=None, **arguments):
    evaluator = FunctionalEvaluator(function, argument=argument, **arguments)
    return Assignment(SampleSpace(DOMAINS["flat"]) if space is None else space, evaluator, OBJECTIVES, folder=folder)


def jobs(count, first=0):
    return [Job(number, {"width": number}) for number in range(first, first + count)]


@contextmanager
def opened(engine, function, argument="sample", space=None, folder=None, **arguments):
    try:
        engine.open(assignment(function, argument, space, folder, **arguments))
        yield engine
    finally:
        engine.close()


def ends_of(engine, waiting, listen=lambda event: None, many=None):
    """The ends of trials, by number; the engine gets as many as it wants. `many`: with those that it has already."""
    waiting, ends, events = [*waiting], {}, []
    count, until = many or len(waiting), time.monotonic() + PATIENCE

    def hear(event):
        events.append(event)
        if isinstance(event, ENDS):
            assert event.number not in ends, f"{event} ended before as {ends[event.number]}"
            ends[event.number] = event
        listen(event)

    while len(ends) < count:
        assert time.monotonic() < until, f"{count - len(ends)} trials have not ended: {events}"
        room = engine.room
        engine.submit(waiting[:room])
        del waiting[:room]
        engine.advance(hear, 0.5)
    return ends


def alive(number):
    """Whether a process runs; one that was killed may be there until somebody waits for it."""
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def children():
    """The processes that this one has started, without those with which multiprocessing serves other tests."""
    return [child for child in psutil.Process().children() if not _serves(child)]


def _serves(child):
    try:
        return "multiprocessing" in " ".join(child.cmdline())
    except psutil.Error:
        return False
