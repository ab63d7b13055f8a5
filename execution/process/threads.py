"""The threads that trials leave behind in their worker, and those that are meant to live on."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_OURS = "retiarii-"
_BUSY = 0.2
_MANY = 20
_AGAIN = 10.0


class Threads:
    """The threads of this process.

    Some serve all trials, and are not left behind: those that run when this object is made, daemons, which libraries
    start once and keep, and those of an executor (`concurrent.futures`) that wait for work. But those that came later
    must not use more than a fifth of a core between trials (on systems that tell), nor be more than 20 more than the
    first trial that left some has left.
    """

    def __init__(self) -> None:
        self._known = threading.enumerate()
        self._servants: list[threading.Thread] = []
        self._suspected: list[threading.Thread] = []
        self._most: int | None = None
        self._look = _Look(0.0, {})

    def are_new(self) -> bool:
        """Whether there are some that have not been seen to serve, or do not seem to any more; this is cheap."""
        if self._servants and self._doubted():
            return True
        return threading.enumerate() != self._known and bool(self._new())

    def watch(self) -> None:
        """Begins to watch how much they work: no trial runs from now on until `left` tells."""
        self._look = _look()

    def left(self) -> list[str]:
        """Describes those that are left behind, and takes the others for servants from now on."""
        new = self._new()
        staying = [thread for thread in new if not (thread.daemon or _waits(thread))]
        serving = [thread for thread in new if thread not in staying]
        busy = self._look.busy(serving)
        self._known = threading.enumerate()
        self._servants = [thread for thread in self._servants if thread.is_alive() and thread not in new] + serving
        self._suspected = []
        if self._most is None and serving:
            self._most = len(self._servants) + _MANY
        many = serving if self._most is not None and len(self._servants) > self._most else []
        return [_described(thread) for thread in new if thread in [*staying, *busy, *many]]

    def _new(self) -> list[threading.Thread]:
        running = threading.enumerate()
        new = [thread for thread in running if thread not in self._known and not thread.name.startswith(_OURS)]
        if not new:
            self._known = running
        return new + self._doubted()

    def _doubted(self) -> list[threading.Thread]:
        """Servants that have been given work meanwhile, and may never have done with it."""
        if time.monotonic() > self._look.moment + _AGAIN:
            self._suspected = self._look.busy(self._servants)
            self._look = _look()
        at_work = [thread for thread in self._servants if not thread.daemon and not _waits(thread)]
        return [thread for thread in {*at_work, *self._suspected} if thread.is_alive()]


@dataclass(frozen=True, slots=True)
class _Look:
    """How long threads had worked at some moment.

    Attributes:
        moment: By the monotonic clock.
        worked: Seconds, by the number that the system gives a thread; with those in which it waited for a core.
    """

    moment: float
    worked: Mapping[int | None, float]

    def busy(self, threads: Sequence[threading.Thread]) -> list[threading.Thread]:
        """Those that have worked since, without what did little; none if all together did."""
        if not threads:
            return []
        now = _look()
        worked = {t: now.worked.get(t.native_id, 0.0) - self.worked.get(t.native_id, 0.0) for t in threads}
        total = sum(worked.values())
        if total <= _BUSY * (now.moment - self.moment):
            return []
        return [thread for thread in threads if worked[thread] > _BUSY * total / len(threads)]


def _look() -> _Look:
    worked: dict[int | None, float] = {}
    with contextlib.suppress(OSError):  # the system does not tell
        for task in Path("/proc/self/task").iterdir():
            with contextlib.suppress(OSError):  # it has just gone
                ran, waited, _ = (task / "schedstat").read_text().split()
                worked[int(task.name)] = (int(ran) + int(waited)) * 1e-9
    return _Look(time.monotonic(), worked)


def _waits(thread: threading.Thread) -> bool:
    """Whether a thread is one of an executor, and waits for work."""
    work = getattr(sys.modules.get("concurrent.futures.thread"), "_worker", None)
    frame = sys._current_frames().get(thread.ident or 0)
    return work is not None and frame is not None and frame.f_code is work.__code__


def _described(thread: threading.Thread) -> str:
    return f"thread {thread.name!r} ({'a daemon' if thread.daemon else 'no daemon'})"
