"""What is recorded of an experiment, for those who only look."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from retiarii.errors import ExperimentError
from retiarii.experiment.plan import Plan
from retiarii.experiment.record_file import FILE, PATIENCE, check_whole, errors, refuse_remains
from retiarii.experiment.rows import Run
from retiarii.experiment.schema import VERSION, steps, version
from retiarii.experiment.store import Store
from retiarii.experiment.weights import EpochWeights
from retiarii.trial import Direction, State, Trial

_AGAIN = "ask again"


class Reader:
    """Asks the record in a folder, which may be read-only and in use, anew for each question.

    Every method raises `ExperimentError` where there is no record, or it cannot be read.

    Args:
        folder: Where it lies.

        is_whole: Whether somebody has seen already that it is; looking through a long one takes a while.

    Raises:
        ExperimentError: there is none, or it is damaged.
    """

    def __init__(self, folder: Path, *, is_whole: bool = False) -> None:
        self.folder = folder
        self._path = folder / FILE
        self._check()
        if not is_whole:
            with errors(self._path, again=_AGAIN), closing(self._connected()) as file:
                check_whole(file, self._path)

    def plan(self) -> Plan | None:
        """What the experiment was begun with; None if nothing has begun."""
        with self._store() as store:
            return store.plan()

    def runs(self) -> list[Run]:
        """From the first to the last."""
        with self._store() as store:
            return store.runs()

    def weights(self) -> list[EpochWeights]:
        """By epoch."""
        with self._store() as store:
            return store.weights()

    def counts(self) -> Counter[State]:
        """How many trials are in each state."""
        with self._store() as store:
            return store.counts()

    def trial(self, number: int) -> Trial | None:
        with self._store() as store:
            return store.trial(number)

    def best(self, k: int, direction: Direction) -> list[Trial]:
        """The completed trials that are best in the primary objective, of equal ones the first."""
        with self._store() as store:
            return store.best(k, direction)

    def failures(self, k: int) -> list[Trial]:
        """The trials that failed last, the last first."""
        with self._store() as store:
            return store.failures(k)

    def __iter__(self) -> Iterator[Trial]:
        """By number."""
        with self._store() as store:
            yield from store.trials()

    def _check(self) -> None:
        try:
            is_there = self._path.exists()
        except OSError as error:
            raise ExperimentError(f"{self._path} cannot be read: {error.strerror}") from error
        if not is_there:
            raise ExperimentError(f"there is no record of an experiment in {self.folder}: {FILE} is missing")
        refuse_remains(self._path)

    @contextmanager
    def _store(self) -> Iterator[Store]:
        self._check()
        with errors(self._path, again=_AGAIN), closing(self._connected()) as file:
            yield Store(file, self.folder)

    def _connected(self) -> sqlite3.Connection:
        place = f"{self._path.resolve().as_uri()}?{_mode(self._path)}"
        file = sqlite3.connect(place, timeout=PATIENCE, uri=True, isolation_level=None)
        return file if version(file, self._path) == VERSION else _updated(file, self._path)


def _updated(file: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """A copy in memory of a record that is older, or only being made, brought up to date; the file stays as it is."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    with closing(file):
        file.backup(copy)
    for statement in steps(version(copy, path)):
        copy.execute(statement)
    return copy


def _mode(path: Path) -> str:
    """How SQLite is to open a file for reading, which it wants to write beside unless it is told that nobody else will.

    A journal is what a process leaves that is killed while it makes the file; only who may write can take it back.
    """
    if path.with_name(f"{FILE}-journal").exists():
        return "mode=rw"
    if path.with_name(f"{FILE}-wal").exists() or os.access(path.parent, os.W_OK):
        return "mode=ro"
    return "mode=ro&immutable=1"
