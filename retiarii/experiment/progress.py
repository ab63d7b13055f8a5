"""What is shown while a search runs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TextIO

from retiarii.experiment.saying import say
from retiarii.experiment.tally import Tally

if TYPE_CHECKING:
    from retiarii.experiment.bar import Bar

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

    def rate(self, ended: int, last: float) -> float:
        """Trials a second, when the last of those that have ended did so; 0 while nothing has ended."""
        return (ended - self.before) / (last - self.begin) if last > self.begin else 0.0

    def left(self, ended: int, last: float, *, since: float = 0.0, running: int = 1) -> float | None:
        """Seconds to the end; None if nothing says.

        Args:
            ended: How many trials have ended.
            last: When the last of them did so, as `begin`; the beginning, if none has.
            since: Seconds since then.
            running: How many trials run: no more than these can be nearer to their ends by now.
        """
        rate = self.rate(ended, last)
        ways = [self.begin + self.max_duration - last - since] if self.max_duration is not None else []
        if self.total is not None and rate > 0:
            ways.append((self.total - ended - min(since * rate, max(1, running))) / rate)
        return max(0.0, min(ways)) if ways else None


@dataclass(frozen=True, slots=True)
class Stand:
    """How far something is."""

    done: int
    total: int | None
    """None if nothing says."""

    said: Sequence[str]
    """More about it, the most important first: where the terminal is narrow, the last go first."""


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
        rate, left = self._pace.rate(tally.ended, now), self._pace.left(tally.ended, now)
        parts = [f"{tally.ended}{of} trials", *status(tally, rate), *until_end(left)]
        say(f"retiarii: {', '.join(parts)}", self._out)


class Live:
    """A progress bar that stays at the bottom of the terminal, and looks by itself how the search stands."""

    def __init__(self, pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = pace
        self._clock = clock
        self._tally: Tally | None = None
        self._ended = pace.before
        self._last = pace.begin

    def __enter__(self) -> Self:
        from retiarii.experiment.bar import Bar  # noqa: PLC0415  needs rich

        self._bar: Bar = Bar("trials", self.stand)
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def update(self, tally: Tally) -> None:
        self._tally = tally
        if tally.ended != self._ended:
            self._ended, self._last = tally.ended, self._clock()

    def stand(self) -> Stand:
        """How the search stands now: the time left goes on while trials run."""
        ended, last, tally = self._ended, self._last, self._tally
        running = 0 if tally is None else tally.counts["running"]
        left = self._pace.left(ended, last, since=self._clock() - last, running=running)
        said = [] if tally is None else status(tally, self._pace.rate(ended, last))
        return Stand(ended, self._pace.total, [*until_end(left), *said])


def status(tally: Tally, rate: float) -> list[str]:
    """The best so far, failures, stopped trials and rate, as far as there is something to say."""
    best = tally.best
    return [
        *([f"best {best.metric:.6g} (trial {best.number})"] if best is not None else []),
        *[f"{tally.counts[state]} {state}" for state in ("failed", "stopped") if tally.counts[state]],
        *([_rate(rate)] if rate > 0 else []),
    ]


def until_end(left: float | None) -> list[str]:
    """The time left, if something says."""
    return [] if left is None else [f"{duration(left)} left"]


def duration(seconds: float) -> str:
    """`3 s`, `4:05`, `2:00:07`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02}"
    return f"{minutes}:{rest:02}" if minutes else f"{rest} s"


def _rate(rate: float) -> str:
    return f"{rate:.3g} trials/s" if rate >= 1 else f"{1 / rate:.3g} s/trial"
