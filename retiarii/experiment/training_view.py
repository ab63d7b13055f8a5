"""What is shown while a supernet is trained."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from retiarii.experiment.progress import LINE_EVERY, Stand, until_end
from retiarii.experiment.saying import say
from retiarii.one_shot import Watch

if TYPE_CHECKING:
    from retiarii.experiment.bar import Bar


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
    """How far epochs are, and how fast they have gone since the first time that it was told."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begin: float | None = None
        self._before = 0

    def update(self, done: int, total: int, text: str) -> None:
        self.done, self.total, self.text, self._last = done, total, text, self._clock()
        if self._begin is None:
            self._begin, self._before = self._last, done

    def status(self) -> list[str]:
        """What is said of the epoch, the time for one and the time left now, as far as there is something to say."""
        parts = [self.text] if self.text else []
        if self._begin is None or self.done <= self._before:
            return parts
        each = (self._last - self._begin) / (self.done - self._before)
        left = each * (self.total - self.done) - min(self._clock() - self._last, each)
        return [*parts, f"{each:.3g} s/epoch", *until_end(max(0.0, left))]


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
        self._pace.update(done, total, text)
        now = self._clock()
        if now - self._last < LINE_EVERY and done < total:
            return
        self._last = now
        parts = [f"epoch {done} of {total}", *self._pace.status()]
        say(f"retiarii: supernet: {', '.join(parts)}", self._out)


class EpochBar:
    """A progress bar at the bottom of the terminal, from the first call, in the process that calls."""

    def __init__(self) -> None:
        self._pace = EpochPace(time.monotonic)
        self._bar: Bar | None = None
        self._process = os.getpid()

    def __call__(self, done: int, total: int, text: str = "") -> None:
        self._pace.update(done, total, text)
        if self._bar is None or self._process != os.getpid():
            from retiarii.experiment.bar import Bar  # noqa: PLC0415  needs rich

            self._process = os.getpid()
            self._bar = Bar("epochs", self.stand)
            self._bar.start()
        if done >= total:
            self.close()

    def stand(self) -> Stand:
        """How the training stands now."""
        return Stand(self._pace.done, self._pace.total, [*reversed(self._pace.status())])

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_bar": None}
