"""What goes between an engine and its actors, as plain values: Ray packs objects of classes much more slowly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from retiarii.domain import Sample
from retiarii.engine import Completed, Failed, Failure, Job, Reported, Stopped
from retiarii.trial import Report

PlainJob: TypeAlias = tuple[int, Sample, int, Mapping[str, Any]]
PlainEvent: TypeAlias = tuple[str, int, Any, Any, Any]
Event: TypeAlias = Reported | Completed | Failed | Stopped


def plain_job(job: Job) -> PlainJob:
    """A job to send."""
    return job.number, job.sample, job.seed, dict(job.decided)


def plain_report(number: int, report: Report) -> PlainEvent:
    """An intermediate value to send."""
    return "Reported", number, report, None, None


def plain_end(end: Completed | Failed | Stopped) -> PlainEvent:
    """The end of a trial to send. The error itself stays behind: not all can be sent."""
    match end:
        case Completed(number, metrics, duration, files):
            return "Completed", number, dict(metrics), duration, dict(files)
        case Failed(number, failure, duration):
            return "Failed", number, (failure.kind, failure.message, failure.place, failure.text), duration, None
        case Stopped(number, duration, files):
            return "Stopped", number, duration, dict(files), None


def events(plain: Sequence[PlainEvent]) -> list[Event]:
    """What was sent, as events."""
    return [_event(*fields) for fields in plain]


def _event(kind: str, number: int, *fields: Any) -> Event:
    first, second, third = fields
    match kind:
        case "Completed":
            return Completed(number, first, second, third)
        case "Failed":
            return Failed(number, Failure(*first), second)
        case "Stopped":
            return Stopped(number, first, second)
        case _:
            return Reported(number, first)
