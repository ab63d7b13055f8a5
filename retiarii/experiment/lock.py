"""One process at a time in a folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from retiarii.errors import ExperimentError

_FILE = "running.lock"


class Lock:
    """That of a folder: the operating system takes it back when the process that has it ends, however it ends.

    Raises:
        ExperimentError: its file can't be used.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        with self._errors():
            self._file = sqlite3.connect(self._path, isolation_level=None, timeout=0)

    def take(self) -> bool:
        """Takes it and says so, unless somebody has it."""
        with self._errors():
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

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise ExperimentError(
                f"{self._path} cannot be used as a lock: {error}; remove it if no process runs the experiment, or make "
                "it writable"
            ) from error


def is_taken(folder: Path) -> bool:
    """Whether somebody has the lock of a folder now, as far as may be seen; nothing is changed."""
    path = folder / _FILE
    if not path.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=0)) as file:
            file.execute("select 1 from sqlite_master").fetchone()
    except sqlite3.Error as error:
        return "locked" in str(error)
    return False
