"""The processes that trials leave behind in their worker, and those that are meant to live on."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

_MANY = 20
_LONGEST = 100


class Children:
    """The processes that have been started from this one, and still run.

    Some serve all trials, and are not left behind: those that run when this object is made, those that multiprocessing
    starts once and keeps, and those of a `DataLoader` with persistent workers that something still refers to, up to 20
    more than the first trial that made such a loader has left.
    """

    def __init__(self) -> None:
        self._servants = {*_running()} if _may_be_some() else set()
        self._most: int | None = None

    def are_new(self) -> bool:
        """Whether there are some that have not been seen to serve; this is cheap if there are none at all."""
        return _may_be_some() and bool(self._new())

    def left(self) -> list[str]:
        """Describes those that are left behind, and takes the others for servants from now on."""
        new = self._new()
        if not new:
            return []
        kept = _kept_by_loaders()
        serving = {child for child in new if child.pid in kept}
        self._servants = (self._servants & {*_running()}) | serving
        if self._most is None and serving:
            self._most = len(self._servants) + _MANY
        too_many = self._most is not None and len(self._servants) > self._most
        return [_described(child) for child in new if too_many or child not in serving]

    def _new(self) -> list[psutil.Process]:
        expected = _kept_by_multiprocessing()
        return [
            child
            for child in _running()
            if child not in self._servants and child.pid not in expected and not _has_ended(child)
        ]


def _may_be_some() -> bool:
    """Whether this process may have children, which is cheap to find out on most systems."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    except AttributeError:
        return True
    return True


def _running() -> list[psutil.Process]:
    """The children of this process; two of them are equal only if number and start are."""
    import psutil  # noqa: PLC0415  (most workers never need it)

    try:
        numbers = [int(number) for task in Path("/proc/self/task").iterdir() for number in _numbers(task)]
        return [psutil.Process(number) for number in numbers]
    except (OSError, psutil.NoSuchProcess):  # the system does not tell in this way, or one has just gone
        return psutil.Process().children()


def _numbers(task: Path) -> list[str]:
    return (task / "children").read_text().split()


def _kept_by_multiprocessing() -> set[int | None]:
    tracker = getattr(sys.modules.get("multiprocessing.resource_tracker"), "_resource_tracker", None)
    server = getattr(sys.modules.get("multiprocessing.forkserver"), "_forkserver", None)
    return {getattr(tracker, "_pid", None), getattr(server, "_forkserver_pid", None)}


def _kept_by_loaders() -> set[int]:
    """Those of loaders with persistent workers; to be called when what nothing refers to has been collected."""
    kind = getattr(sys.modules.get("torch.utils.data.dataloader"), "_MultiProcessingDataLoaderIter", None)
    if kind is None:
        return set()
    iterators = [thing for thing in gc.get_objects() if issubclass(type(thing), kind)]
    persistent = [iterator for iterator in iterators if getattr(iterator, "_persistent_workers", False)]
    return {process.pid for iterator in persistent for process in getattr(iterator, "_workers", ())}


def _has_ended(process: psutil.Process) -> bool:
    import psutil  # noqa: PLC0415

    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _described(process: psutil.Process) -> str:
    import psutil  # noqa: PLC0415

    try:
        return f"process {process.pid} ({' '.join(process.cmdline())[:_LONGEST]})"
    except psutil.Error:  # it has gone, or nobody may look
        return f"process {process.pid}"
