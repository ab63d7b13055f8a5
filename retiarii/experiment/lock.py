"""One process at a time in a folder."""

from __future__ import annotations

import errno
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from weakref import WeakSet

from retiarii.errors import ExperimentError
from retiarii.experiment.rows import Run

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_FILE = "running.lock"
_HELD = (errno.EACCES, errno.EAGAIN)
_TRIES = 5
_PAUSE = 0.01


class Lock:
    """That of a folder: the operating system takes it back when the process that has it ends, however it ends.

    It is one of the opened file, so that nothing else that the process does in the folder gives it away, and is not
    handed on to processes that are forked.

    Raises:
        ExperimentError: its file can't be used.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._file = -1
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._unusable(error) from error
        _open.add(self)

    def take(self) -> bool:
        """Takes it and says so, unless somebody has it for longer than it takes to look whether somebody has."""
        for _ in range(_TRIES):
            try:
                _lock(self._file)
            except OSError as error:
                if error.errno not in _HELD:
                    raise self._unusable(error) from error
                time.sleep(_PAUSE)
            else:
                return True
        return False

    def close(self) -> None:
        """Gives it back; in a process that was forked, leaves it to the other one."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def __del__(self) -> None:
        self.close()  # where Ctrl-C has cut that off

    def _unusable(self, error: OSError) -> ExperimentError:
        return ExperimentError(
            f"{self._path} cannot be used as a lock: {error.strerror}; remove it if no process runs the experiment, or "
            "make it writable"
        )


_open: WeakSet[Lock] = WeakSet()


def _leave_to_the_parent() -> None:
    for lock in [*_open]:
        lock.close()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_leave_to_the_parent)


def holder(runs: Sequence[Run]) -> str:
    """Who has the lock of an experiment, in words.

    The process of the last run that is recorded, if that has not ended and the process can be the one: it runs on
    another host, or here since before the run. Empty otherwise, as where the one that has the lock has still to record
    its own run.

    Args:
        runs: Of the experiment, from the first; asked for while the lock is taken.
    """
    run = runs[-1] if runs else None
    if run is None or run.ended is not None or run.pid is None:
        return ""
    is_here = run.host == socket.gethostname()
    return "" if is_here and not _runs_since(run.pid, run.started) else f"process {run.pid} on {run.host}"


def _runs_since(pid: int, moment: float) -> bool:
    """Whether a process of this machine is alive, and began before a moment, in seconds since the epoch."""
    import psutil  # noqa: PLC0415  (few ask)

    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and process.create_time() <= moment
    except (psutil.Error, ValueError):  # the latter for numbers that no process has
        return False


def is_taken(folder: Path) -> bool:
    """Whether somebody has the lock of a folder now, as far as may be seen; nothing is changed."""
    try:
        file = os.open(folder / _FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        _lock(file, shared=True)
    except OSError as error:
        return error.errno in _HELD
    finally:
        os.close(file)
    return False


def _lock(file: int, *, shared: bool = False) -> None:
    """Locks an open file at once, or raises `OSError`."""
    if sys.platform == "win32":
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
