"""What is shown while a search runs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TextIO

from retiarii.experiment.tally import Tally

if TYPE_CHECKING:
    from rich.progress import Progress

LINE_EVERY = 1.0
_BEST_EVERY = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a search goes, and what is left of it."""

    total: int | None
    """Trials to the end, those of earlier runs included; None if nothing says."""

    before: int
    """Trials that had ended before this run."""

    begin: float
    """The time of `time.monotonic` at the beginning of this run."""

    max_duration: float | None

    def rate(self, ended: int, now: float) -> float:
        """Trials a second; 0 while nothing has ended."""
        return (ended - self.before) / (now - self.begin) if now > self.begin else 0.0

    def left(self, ended: int, now: float) -> float | None:
        """Seconds to the end; None if nothing says."""
        rate = self.rate(ended, now)
        ways = [self.begin + self.max_duration - now] if self.max_duration is not None else []
        ways += [(self.total - ended) / rate] if self.total is not None and rate > 0 else []
        return max(0.0, min(ways)) if ways else None


class View(Protocol):
    def update(self, tally: Tally) -> None: ...


def watching(pace: Pace, *, shown: bool) -> AbstractContextManager[View]:
    """A live view where stderr is a terminal, plain lines where it is none, and nothing unless `shown`."""
    if not shown:
        return nullcontext(Nothing())
    return Live(pace) if sys.stderr.isatty() else nullcontext(Lines(pace, sys.stderr))


class Nothing:
    """Shows nothing."""

    def update(self, tally: Tally) -> None:
        return None


class Lines:
    """A line a second at most, and ten for new best trials."""

    def __init__(self, pace: Pace, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = pace
        self._out = out
        self._clock = clock
        self._last = float("-inf")
        self._ended = pace.before
        self._best: int | None = None

    def update(self, tally: Tally) -> None:
        if tally.ended == self._ended:
            return
        now = self._clock()
        best = None if tally.best is None else tally.best.number
        if now - self._last < (LINE_EVERY if best == self._best else _BEST_EVERY):
            return
        self._last, self._ended, self._best = now, tally.ended, best
        of = f"/{self._pace.total}" if self._pace.total is not None else ""
        parts = [f"{tally.ended}{of} trials", *status(tally, self._pace, now)]
        print(f"retiarii: {', '.join(parts)}", file=self._out, flush=True)


class Live:
    """A progress bar that stays at the bottom of the terminal."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._bar = progress_bar()
        self._task = self._bar.add_task("trials", total=pace.total, completed=pace.before, status="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def update(self, tally: Tally) -> None:
        text = ", ".join(status(tally, self._pace, time.monotonic()))
        self._bar.update(self._task, completed=tally.ended, status=text)


def status(tally: Tally, pace: Pace, now: float) -> list[str]:
    """The best so far, failures, stopped trials, rate and time left, as far as there is something to say."""
    rate, left = pace.rate(tally.ended, now), pace.left(tally.ended, now)
    best = tally.best
    return [
        *([f"best {best.metric:.6g} (trial {best.number})"] if best is not None else []),
        *[f"{tally.counts[state]} {state}" for state in ("failed", "stopped") if tally.counts[state]],
        *([_rate(rate)] if rate > 0 else []),
        *([f"{duration(left)} left"] if left is not None else []),
    ]


def duration(seconds: float) -> str:
    """`3 s`, `4:05`, `2:00:07`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02}"
    return f"{minutes}:{rest:02}" if minutes else f"{rest} s"


def _rate(rate: float) -> str:
    return f"{rate:.3g} trials/s" if rate >= 1 else f"{1 / rate:.3g} s/trial"


def progress_bar() -> Progress:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # Only where both are terminals, or what an evaluation prints would leave by the wrong door.
    return Progress(
        *columns,
        TextColumn("{task.fields[status]}", markup=False),
        console=Console(stderr=True),
        redirect_stdout=sys.stdout.isatty(),
    )
