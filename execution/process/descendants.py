"""The processes that workers start: finding them, and ending them."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

_log = logging.getLogger(__name__)

_PR_SET_CHILD_SUBREAPER = 36
_ROUNDS = 5
_TO_STOP = 0.1

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
    spared: list[int] = []
    try:
        if leader != os.getpid():
            _stop(leader)  # or it might start again what is killed, in a session of its own
        spared = kill_descendants(leader)
    finally:
        _send(leader, signal.SIGKILL)
    if spared:
        _log.warning("of what a worker has started, this may not be killed, and runs on: %s", spared)


def kill_descendants(leader: int) -> list[int]:
    """Kills whatever descends from a process, also what has left its group.

    Returns:
        The numbers of those that belong to others, and may not be killed.
    """
    import psutil  # noqa: PLC0415  (workers load it only when they end this way)

    killed: set[psutil.Process] = set()
    spared = []
    with contextlib.suppress(psutil.Error):
        for _ in range(_ROUNDS):  # they may start others as long as they live
            found = {*psutil.Process(leader).children(recursive=True)} - killed
            if not found:
                break
            spared += [descendant.pid for descendant in found if not _is_killed(descendant)]
            killed |= found
    return spared


def _is_killed(process: psutil.Process) -> bool:
    """Kills a process; whether that may be done."""
    import psutil  # noqa: PLC0415

    try:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    except psutil.AccessDenied:
        return False
    return True


def _stop(leader: int) -> None:
    """Stops a group, and waits a moment until its leader has stopped."""
    _send(leader, signal.SIGSTOP)
    until = time.monotonic() + _TO_STOP
    with contextlib.suppress(ChildProcessError, AttributeError):  # not every system has this
        look = os.WSTOPPED | os.WEXITED | os.WNOHANG | os.WNOWAIT
        while not os.waitid(os.P_PID, leader, look) and time.monotonic() < until:
            time.sleep(0.001)


def _send(leader: int, number: int) -> None:
    """Sends a signal to a group, if there is one, and one that may be sent to."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def kill_marked(mark: str) -> None:
    """Kills the processes that a worker has started which had this mark in its environment."""
    import psutil  # noqa: PLC0415  (most workers never need it)

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == mark:
                process.kill()
