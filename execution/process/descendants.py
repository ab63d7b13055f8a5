"""The processes that workers start: finding them, and ending them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

_PR_SET_CHILD_SUBREAPER = 36

MARK = "RETIARII_WORKER"
"""The environment variable by which what a worker has started is known, whoever its parent has become."""


def adopt_orphans() -> None:
    """Makes what descends from this process its child when those between them have ended (on Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def kill(leader: int) -> None:
    """Kills a process that leads its group, the group, and whatever descends from it.

    The process may have ended, but nobody must have waited for it, or the number might be another's.
    """
    try:
        kill_descendants(leader)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(leader, signal.SIGKILL)


def kill_descendants(leader: int) -> None:
    """Kills whatever descends from a process, also what has left its group."""
    import psutil  # noqa: PLC0415  (workers load it only when they end this way)

    with contextlib.suppress(psutil.NoSuchProcess):
        for descendant in psutil.Process(leader).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                descendant.kill()


def kill_marked(mark: str) -> None:
    """Kills the processes that a worker has started which had this mark in its environment."""
    import psutil  # noqa: PLC0415  (most workers never need it)

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == mark:
                process.kill()
