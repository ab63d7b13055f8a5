"""What goes between an engine and its actors: bytes of plain values, as Ray packs nothing else as fast."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any, TypeAlias

import cloudpickle

from retiarii.domain import Sample
from retiarii.engine import Completed, Failed, Failure, Job, Reported, Stopped
from retiarii.trial import Report

PlainJob: TypeAlias = tuple[int, Sample, int, Mapping[str, Any]]
PlainEvent: TypeAlias = tuple[str, int, Any, Any, Any]
Event: TypeAlias = Reported | Completed | Failed | Stopped


def packed(value: Any) -> bytes:
    """Plain values as bytes, and classes and functions of `__main__` along with them, which is elsewhere another."""
    try:
        data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        is_whole = b"__main__" not in data
    except (pickle.PicklingError, AttributeError, TypeError):  # a lambda, or what is defined in a function
        is_whole = False
    return data if is_whole else cloudpickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def unpacked(data: bytes) -> Any:
    """What was packed."""
    return pickle.loads(data)  # noqa: S301  (between a search and its own actors)


def plain_job(job: Job) -> PlainJob:
    """A job to send."""
    return job.number, job.sample, job.seed, job.decided


def plain_report(number: int, report: Report) -> PlainEvent:
    """An intermediate value to send."""
    return "Reported", number, report, None, None


def plain_end(end: Completed | Failed | Stopped) -> PlainEvent:
    """The end of a trial to send. The error itself stays behind: not all can be sent."""
    if isinstance(end, Completed):
        return "Completed", end.number, end.metrics, end.duration, _plain(end.files)
    if isinstance(end, Stopped):
        return "Stopped", end.number, end.duration, _plain(end.files), None
    failure = end.failure
    return "Failed", end.number, (failure.kind, failure.message, failure.place, failure.text), end.duration, None


def event(plain: PlainEvent) -> Event:
    """What was sent, as an event."""
    kind, number, first, second, third = plain
    if kind == "Completed":
        return Completed(number, first, second, third)
    if kind == "Reported":
        return Reported(number, first)
    if kind == "Stopped":
        return Stopped(number, first, second)
    return Failed(number, Failure(*first), second)


def _plain(files: Mapping[str, str]) -> dict[str, str]:
    """What an evaluation has kept, as texts whatever it put there."""
    return {str(name): str(path) for name, path in files.items()} if files else {}
