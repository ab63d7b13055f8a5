"""The processes that workers start: finding them, and ending them."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

_PR_SET_CHILD_SUBREAPER = 36
_LONGEST = 100
_TO_LEAVE = 0.1

MARK = "RETIARII_WORKER"
"""The environment variable by which what a worker has started is known, whoever its parent has become."""


def adopt_orphans() -> None:
    """Makes what descends from this process its child when those between them have ended (on Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def left_behind() -> list[str]:
    """The children of this process that still run, described, without those that serve it all its life."""
    if not (_has_children() and _running_children()):
        return []
    gc.collect()  # a loader of torch, say, ends its processes when it goes, and may be part of a cycle
    time.sleep(_TO_LEAVE)
    return [_described(child) for child in _running_children()]


def _running_children() -> list[psutil.Process]:
    import psutil  # noqa: PLC0415  (most workers never need it)

    return [child for child in psutil.Process().children() if child.pid not in _servants() and _runs(child)]


def _has_children() -> bool:
    """Whether there may be some, which is cheap to find out on most systems."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    except AttributeError:
        return True
    return True


def kill(leader: int) -> None:
    """Kills a process that leads its group, the group, and whatever descends from it.

    The process may have ended, but nobody must have waited for it, or the number might be another's.
    """
    try:
        _kill_descendants(leader)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(leader, signal.SIGKILL)


def _kill_descendants(leader: int) -> None:
    """Also those that have left the group."""
    import psutil  # noqa: PLC0415  (workers load it only when they end this way)

    with contextlib.suppress(psutil.NoSuchProcess):
        for descendant in psutil.Process(leader).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                descendant.kill()


def _servants() -> set[int | None]:
    """Processes that multiprocessing starts once and keeps."""
    tracker = getattr(sys.modules.get("multiprocessing.resource_tracker"), "_resource_tracker", None)
    server = getattr(sys.modules.get("multiprocessing.forkserver"), "_forkserver", None)
    return {getattr(tracker, "_pid", None), getattr(server, "_forkserver_pid", None)}


def _runs(process: psutil.Process) -> bool:
    import psutil  # noqa: PLC0415

    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _described(process: psutil.Process) -> str:
    import psutil  # noqa: PLC0415

    try:
        return f"{process.pid} ({' '.join(process.cmdline())[:_LONGEST]})"
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return str(process.pid)


def kill_marked(mark: str) -> None:
    """Kills the processes that a worker has started which had this mark in its environment."""
    import psutil  # noqa: PLC0415  (most workers never need it)

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == mark:
                process.kill()
