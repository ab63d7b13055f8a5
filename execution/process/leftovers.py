"""What trials leave to those that come after them in the same process: processes, threads, open files and timers."""

from __future__ import annotations

import gc
import signal
import time

from retiarii.execution.process.children import Children
from retiarii.execution.process.files import Files
from retiarii.execution.process.threads import Threads

_MOMENT = 0.002
_GRACE = 0.1
_STEP = 0.01


class Leftovers:
    """Finds what trials leave running in this process; to be made before the first of them.

    What ends within 0.1 s is not left behind, if only because nothing refers any more to what owns it; nor is what
    serves other trials as well: see `Children`, `Threads` and `Files`.
    """

    def __init__(self) -> None:
        self._children = Children()
        self._threads = Threads()
        self._files = Files()
        timers = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
        self._timers = [timer for timer in timers if not signal.getitimer(timer)[0]]

    def stop_timers(self) -> None:
        """Stops what would go off in a later trial, as of `signal.alarm`, but not what ran before the first one."""
        for timer in self._timers:
            signal.setitimer(timer, 0)

    def found(self) -> list[str]:
        """What trials have left running, described."""
        try:
            if not self._may_be_some() or self._are_gone(_MOMENT):
                return []
            gc.collect()  # a loader of torch, say, ends its processes when it goes, and may be part of a cycle
            self._threads.watch()
            if self._are_gone(_GRACE):
                return []
            return [*self._files.left(), *self._children.left(), *self._threads.left()]
        except Exception as error:  # noqa: BLE001  (no file can be opened any more, say: no later trial is to blame)
            return [f"something that can't be looked for ({type(error).__name__}: {error})"]

    def _may_be_some(self) -> bool:
        return self._threads.are_new() or self._files.are_many() or self._children.are_new()

    def _are_gone(self, seconds: float) -> bool:
        """Whether they all go within some time; waits no longer than that takes."""
        until = time.monotonic() + seconds
        while (rest := until - time.monotonic()) > 0:
            time.sleep(min(rest, _STEP))
            if not self._may_be_some():
                return True
        return False
