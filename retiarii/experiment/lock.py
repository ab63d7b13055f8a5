"""One process at a time in a folder."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_FILE = "running.lock"


class Lock:
    """That of a folder: the operating system takes it back when the process that has it ends, however it ends.

    Raises:
        sqlite3.Error: its file can't be used.
    """

    def __init__(self, folder: Path) -> None:
        self._file = sqlite3.connect(folder / _FILE, isolation_level=None, timeout=0)

    def take(self) -> bool:
        """Takes it and says so, unless somebody has it."""
        try:
            self._file.execute("begin exclusive")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            return False
        return True

    def close(self) -> None:
        """Gives it back."""
        self._file.close()


def is_taken(folder: Path) -> bool:
    """Whether somebody has the lock of a folder now."""
    with closing(Lock(folder)) as lock:
        return not lock.take()
