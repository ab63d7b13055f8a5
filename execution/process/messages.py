"""What an engine and its workers say to each other: plain tuples, lists and numbers, which pickle fast.

An engine sends the arguments of its process and the packed assignment first, and then lists of jobs, as `encoded` makes
them, and numbers of trials to cancel; None lets a worker go. A worker sends lists of tuples, each of which begins with
a `Word`.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import cloudpickle

from retiarii.domain import Sample
from retiarii.engine import Completed, Failed, Failure, Interrupted, Job, Stopped

Outline: TypeAlias = tuple[int, Sample, int, bytes | None]
"""A job as it is sent: number, sample, seed, and what is decided of the evaluator."""

End: TypeAlias = Completed | Failed | Stopped | Interrupted

Message: TypeAlias = tuple[Any, ...]
"""What a worker says: a `Word`, and what the word says that follows."""


class Word:
    """What a worker speaks of. In brackets: what follows."""

    READY: Final = 0
    """The assignment is loaded."""

    REFUSED: Final = 1
    """The assignment can't be loaded (the traceback)."""

    RUNNING: Final = 2
    """A trial has begun some time ago (number)."""

    REPORTED: Final = 3
    """An evaluation reported (number, value)."""

    COMPLETED: Final = 4
    """A trial ended (number, moment, whether something was printed, duration, metrics, files)."""

    FAILED: Final = 5
    """A trial ended (number, moment, whether something was printed, duration, kind, message, place, text)."""

    STOPPED: Final = 6
    """A trial ended (number, moment, whether something was printed, duration, files)."""

    INTERRUPTED: Final = 7
    """A trial was cut off (number, moment, whether something was printed, duration, reason)."""

    LEFTOVERS: Final = 8
    """Trials have left something running (the number of the last, descriptions): the worker is no good any more."""


def encoded(job: Job) -> Outline:
    decided = job.decided
    return job.number, job.sample, job.seed, cloudpickle.dumps(dict(decided)) if decided else None


def decoded(outline: Outline) -> Job:
    number, sample, seed, decided = outline
    if decided is None:
        return Job(number, sample, seed)
    return Job(number, sample, seed, pickle.loads(decided))  # noqa: S301  (from the process that started this one)


def said(end: End, moment: float, *, is_marked: bool) -> Message:
    """How a worker tells the end of a trial.

    Args:
        end: What it tells.
        moment: When that was, by the monotonic clock, which is the same for all processes.
        is_marked: Whether the trial has printed something, and the end of that is marked.
    """
    if isinstance(end, Interrupted):
        return Word.INTERRUPTED, end.number, moment, is_marked, 0.0, end.reason
    head = (end.number, moment, is_marked, end.duration)
    if isinstance(end, Completed):
        return Word.COMPLETED, *head, end.metrics, _plain(end.files)
    if isinstance(end, Stopped):
        return Word.STOPPED, *head, _plain(end.files)
    failure = end.failure
    return Word.FAILED, *head, failure.kind, failure.message, failure.place, failure.text


def heard(message: Message) -> End:
    """The end of a trial that a worker told."""
    if message[0] == Word.COMPLETED:
        _, number, _, _, duration, metrics, files = message
        return Completed(number, metrics, duration, files)
    if message[0] == Word.STOPPED:
        _, number, _, _, duration, files = message
        return Stopped(number, duration, files)
    if message[0] == Word.INTERRUPTED:
        return Interrupted(message[1], message[5])
    _, number, _, _, duration, *failure = message
    return Failed(number, Failure(*failure), duration)


def _plain(files: Mapping[str, str]) -> dict[str, str]:
    """What an evaluation has kept, as texts whatever it put there."""
    return {str(name): str(path) for name, path in files.items()} if files else {}
