"""What runs trials: the protocol of engines, and the events they report."""

from __future__ import annotations

import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self, TypeAlias

from retiarii.domain import Domain, Sample
from retiarii.evaluator import Evaluator
from retiarii.trial import Objectives, Report

_MOST_LETTERS = 2**16
"""Of an error: it is kept in the record."""


class SpaceGraph(Protocol):
    """The part of a space's graph that running a trial needs."""

    def apply(self, sample: Sample, /) -> Any: ...


class Space(Protocol):
    """The part of a model space that searching it needs."""

    @property
    def domain(self) -> Domain: ...

    @property
    def graph(self) -> SpaceGraph: ...

    def freeze(self, sample: Sample, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Assignment:
    """What all trials of a search have in common, so that it is sent once to wherever they run."""

    space: Space
    evaluator: Evaluator
    """As the user gave it: what it leaves open is decided by each job."""

    objectives: Objectives
    """Those that the evaluator returns."""

    costs: Sequence[str] = ()
    """The names of what is known without it."""

    folder: Path | None = None
    """Where evaluations may keep files, each in a folder of its own; see `folder_of`."""

    def folder_of(self, number: int) -> str | None:
        """Where the evaluation of a trial may keep files; made by whoever writes there."""
        return None if self.folder is None else f"{self.folder}/{number}"


@dataclass(frozen=True, slots=True)
class Job:
    """A trial to run: what is its own of all that is needed."""

    number: int
    """That of the trial."""

    sample: Sample
    """What the trial decides of the space: its sample without what it decides of the evaluator."""

    seed: int = 0
    """What the random number generators start from; below 2**32."""

    decided: Mapping[str, Any] = field(default_factory=dict)
    """What the evaluator leaves open, decided; for `Evaluator.decided`."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a trial failed."""

    kind: str
    """The class of the error, or a word for what else happened."""

    message: str
    place: str
    """`file:line` of the innermost frame; empty where there is none."""

    text: str
    """All that is known, for a reader: the traceback, where there is one."""

    exception: BaseException | None = field(default=None, compare=False, repr=False)
    """The error itself, where it happened in this process."""

    @classmethod
    def from_exception(cls, error: BaseException) -> Self:
        """The failure that `error` is. The outermost frame, which is the engine's own, is left out."""
        kind = type(error).__qualname__
        try:
            trace = _trace(error)
            place = f"{trace.stack[-1].filename}:{trace.stack[-1].lineno}" if trace.stack else ""
            message, text = str(trace), "".join(trace.format())
        except Exception as second:  # noqa: BLE001  (an error may be made so that it cannot be shown)
            message = text = f"{kind}, which cannot be shown: {type(second).__qualname__}"
            place = ""
        return cls(kind, encodable(_shortened(message)), place, encodable(_shortened(text)), error)


def _trace(error: BaseException) -> traceback.TracebackException:
    outermost = error.__traceback__
    inner = outermost.tb_next if outermost is not None else None
    return traceback.TracebackException(type(error), error, inner)


@dataclass(frozen=True, slots=True)
class Started:
    """A trial begins to run."""

    number: int
    host: str


@dataclass(frozen=True, slots=True)
class Reported:
    """An evaluation reported an intermediate value."""

    number: int
    value: Report


@dataclass(frozen=True, slots=True)
class Completed:
    """A trial ended with metrics: checked, the objectives first. `duration` in seconds."""

    number: int
    metrics: Mapping[str, float]
    duration: float
    files: Mapping[str, str] = field(default_factory=dict)
    """What the evaluation has kept."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A trial ended without metrics. `duration` in seconds."""

    number: int
    failure: Failure
    duration: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """A trial ended because it was cancelled, whatever its evaluation made of that.

    `duration` in seconds, 0 for one that never began.
    """

    number: int
    duration: float
    files: Mapping[str, str] = field(default_factory=dict)
    """What the evaluation has kept."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """A trial was cut off by what is not its own doing, such as a node that was lost; it may be run again."""

    number: int
    reason: str


Event: TypeAlias = Started | Reported | Completed | Failed | Stopped | Interrupted


class Engine(ABC):
    """Runs trials somewhere and reports what happens to them. Every trial submitted ends in exactly one event.

    `open` comes first and `close` last; after that it can be opened again. All are called from one thread.
    """

    @abstractmethod
    def open(self, assignment: Assignment) -> None:
        """Takes what the jobs to come have in common, before anything is proposed.

        Where that fails, nothing is held, and `close` is not called.

        Raises:
            ExperimentError: it cannot be sent to where trials run, nothing can run there, or the engine is open.
        """

    @property
    @abstractmethod
    def room(self) -> int:
        """How many more trials the engine wants now; 0 while it has enough to do. At least 1 where it has none.

        With one trial at a time it never depends on how fast things go, or the same search would not be made twice.
        """

    @abstractmethod
    def submit(self, jobs: Sequence[Job]) -> None:
        """Takes jobs over, as one batch: an engine may look at all of them before it runs any."""

    @abstractmethod
    def advance(self, listen: Callable[[Event], None], timeout: float) -> None:
        """Works, or waits up to `timeout` seconds for others that do, until something has happened.

        Args:
            listen: Is called with each event as it happens, in the thread of the caller. It may call `cancel`. An
                error in it ends the call, and is raised as it is.
            timeout: In seconds. An engine that works itself may take longer.
        """

    @abstractmethod
    def cancel(self, number: int) -> None:
        """Asks for the end of a trial, which comes as an event: `Stopped`, or whatever it ended in before.

        A trial that runs is told by `TrialStopped` at its next `report_intermediate`; one that runs in this process and
        is cancelled while its report is listened to, at that very one.
        """

    def close(self) -> None:
        """Ends what is running and frees what is held. Trials that have not ended get no more events."""
        return None


def _shortened(text: str) -> str:
    """A text without its middle, where that is too long for anybody to read."""
    if len(text) <= _MOST_LETTERS:
        return text
    half = _MOST_LETTERS // 2
    return f"{text[:half]}\n... {len(text) - 2 * half:,} letters are left out ...\n{text[-half:]}"


def encodable(text: str) -> str:
    """`text`, with escapes in place of what no file can hold, such as half of a surrogate pair."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
