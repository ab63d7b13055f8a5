"""What is shown while a supernet is trained."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from retiarii.experiment.progress import LINE_EVERY, duration, progress_bar
from retiarii.one_shot import Watch

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


@contextmanager
def training_watched(*, shown: bool) -> Iterator[Watch]:
    """A live view where stderr is a terminal, plain lines where it is none, and nothing unless `shown`."""
    if not (shown and sys.stderr.isatty()):
        yield EpochLines() if shown else unseen
        return
    bar = EpochBar()
    try:
        yield bar
    finally:
        bar.close()


def unseen(done: int, total: int, text: str = "") -> None:
    """Shows nothing."""


class EpochPace:
    """How fast epochs go, since the first time that it was asked."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begin: float | None = None
        self._before = 0

    def status(self, done: int, total: int, text: str) -> list[str]:
        """What is said of an epoch, the time for one and the time left, as far as there is something to say."""
        now = self._clock()
        if self._begin is None:
            self._begin, self._before = now, done
        parts = [text] if text else []
        if done <= self._before:
            return parts
        each = (now - self._begin) / (done - self._before)
        return [*parts, f"{each:.3g} s/epoch", f"{duration(each * (total - done))} left"]


class EpochLines:
    """A line a second at most, and one at the end.

    Args:
        out: Where to; by default stderr, also in another process.
        clock: In seconds.
    """

    def __init__(self, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = out
        self._clock = clock
        self._pace = EpochPace(clock)
        self._last = float("-inf")

    def __call__(self, done: int, total: int, text: str = "") -> None:
        status = self._pace.status(done, total, text)
        now = self._clock()
        if now - self._last < LINE_EVERY and done < total:
            return
        self._last = now
        parts = [f"epoch {done} of {total}", *status]
        print(f"retiarii: supernet: {', '.join(parts)}", file=self._out or sys.stderr, flush=True)


class EpochBar:
    """A progress bar at the bottom of the terminal, from the first call, in the process that calls."""

    def __init__(self) -> None:
        self._pace = EpochPace(time.monotonic)
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._process = os.getpid()

    def __call__(self, done: int, total: int, text: str = "") -> None:
        if self._bar is None or self._task is None or self._process != os.getpid():
            self._process = os.getpid()
            self._bar = progress_bar()
            self._task = self._bar.add_task("epochs", total=total, status="")
            self._bar.start()
        status = ", ".join(self._pace.status(done, total, text))
        self._bar.update(self._task, completed=done, status=status)
        if done >= total:
            self.close()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_bar": None, "_task": None}
