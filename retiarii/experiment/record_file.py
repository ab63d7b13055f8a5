"""The file of a record: whether it is one, whether it is whole, and what to do where it can't be used."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from retiarii.errors import ExperimentError
from retiarii.experiment.journal import FILE as LOG

FILE = "experiment.sqlite"

PATIENCE = 30
"""Seconds to wait for another program that has locked the file."""

_SMALLEST = 512
"""Bytes: the smallest page that a file of SQLite has."""

_OF_DAMAGE = ("no such table", "no such column", "Could not decode", "malformed")


def refuse_remains(path: Path) -> None:
    """Sees that a file, if there is one, is no remnant that SQLite would take for a new one.

    Raises:
        ExperimentError: it is, or it is a folder.
    """
    if path.is_dir():
        raise ExperimentError(f"{path} is a folder; choose another name for the experiment")
    was_begun = any(_size(path.with_name(name)) > 0 for name in (LOG, f"{FILE}-wal"))
    size = _size(path, absent=_SMALLEST)  # after these, which follow it when a record is made
    if 0 < size < _SMALLEST or (size == 0 and was_begun):
        _raise_damaged(path, f"it has {size} bytes")


def make_private(path: Path) -> None:
    """Makes an empty file that nobody else may read, unless there is a file.

    One that is there is not opened: to close it would give away whatever locks SQLite has on it in this process, and
    other processes would take it for one that nobody writes to.

    Raises:
        ExperimentError: it can't be made.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise ExperimentError(f"{path} cannot be written: {error.strerror}") from error


def opened(path: Path) -> sqlite3.Connection:
    """A file to write to, in transactions that say where they begin."""
    return sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)


def check_whole(file: sqlite3.Connection, path: Path) -> None:
    """Sees that no page of a file is missing or torn, and no index says anything else than its table.

    Raises:
        ExperimentError: one is.
    """
    (page,) = file.execute("pragma page_size").fetchone()
    size, is_settled = _size(path), not path.with_name(f"{FILE}-wal").exists()
    if is_settled and size % page:
        _raise_damaged(path, f"its last page has {size % page} bytes of {page}")
    (found,) = file.execute("pragma integrity_check(1)").fetchone()
    if found != "ok":
        _raise_damaged(path, " ".join(found.split()))


def inode(path: Path) -> int | None:
    """What tells a file from another one that takes its place; None if there is none."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


@contextmanager
def errors(path: Path, *, again: str = "start the same experiment again") -> Iterator[None]:
    """What SQLite and the JSON in it have to say, in words that name the file and the way out.

    Args:
        path: Of the file.
        again: What to do where the file is sound, once nothing is in the way any more.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        if any(words in str(error) for words in _OF_DAMAGE):
            _raise_damaged(path, error)
        _raise_unusable(path, error, again)
    except (sqlite3.Error, ValueError, TypeError, RecursionError) as error:
        if isinstance(error, sqlite3.ProgrammingError):
            raise
        _raise_damaged(path, error)


def _raise_damaged(path: Path, found: object) -> NoReturn:
    cause = found if isinstance(found, BaseException) else None
    raise ExperimentError(
        f"{path} is damaged, or no record of an experiment: {found}; no trial was changed. Restore it from a copy, or "
        f"save what can be read of it with: sqlite3 {FILE} .recover | sqlite3 recovered.sqlite"
    ) from cause


def _raise_unusable(path: Path, error: sqlite3.OperationalError, again: str) -> NoReturn:
    if "locked" in str(error):
        cause = f"another program has locked it for {PATIENCE} s (an sqlite3 shell, with a transaction that is open?)"
        advice = "end that"
    else:
        cause, advice = f"{error} ({_room(path.parent)})", "make it writable, or make room,"
    raise ExperimentError(
        f"{path} cannot be used: {cause}. What was recorded before is kept; {advice} and {again}"
    ) from error


def _size(path: Path, absent: int = 0) -> int:
    """Bytes; of a file that may go at any time, as the log of SQLite does when a search ends."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return absent


def _room(folder: Path) -> str:
    return f"{shutil.disk_usage(folder).free:,} bytes are free there" if folder.is_dir() else "no such folder"
