"""The durable record of an experiment: one SQLite file, and every statement made to it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

from retiarii.errors import ExperimentError
from retiarii.experiment import kept_files
from retiarii.experiment.lock import Lock
from retiarii.experiment.plan import Plan
from retiarii.experiment.weights import EpochWeights
from retiarii.one_shot import Weights
from retiarii.trial import Trial

FILE = "experiment.sqlite"

_FIRST = (
    """create table experiment (
        one integer primary key check (one = 1),
        created real not null,
        plan text not null,
        runner text not null
    ) strict""",
    """create table trial (
        number integer primary key,
        state text not null
            check (state in ('waiting', 'running', 'completed', 'failed', 'stopped', 'interrupted')),
        sample text not null,
        metrics text not null,
        intermediates text not null,
        error text,
        seed integer not null,
        started real,
        ended real,
        duration real,
        host text,
        ending integer unique
    ) strict""",
    "pragma user_version = 1",
)
_SECOND = (
    "alter table trial add column files text not null default '{}'",
    "create table epoch (number integer primary key, weights text not null) strict",
    "pragma user_version = 2",
)
_STEPS = (_FIRST, _SECOND)
"""What makes each version of the schema from the one before it; never changed, only added to."""

_VERSION = len(_STEPS)
_WITH_WEIGHTS = _WITH_FILES = 2
_BEGIN = "insert into experiment values (1, ?, ?, ?) on conflict (one) do update set runner = excluded.runner"
_SAVE = """insert into trial values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (number) do update set
    state = excluded.state, metrics = excluded.metrics, intermediates = excluded.intermediates, error = excluded.error,
    started = excluded.started, ended = excluded.ended, duration = excluded.duration, host = excluded.host,
    ending = excluded.ending, files = excluded.files where trial.ending is null"""
_TRIALS = """select number, state, sample, metrics, intermediates, error, seed, started, ended, duration, host, files
    from trial order by ending is null, ending, number"""
_TRIALS_OF_FIRST = _TRIALS.replace("files", "'{}' as files")
_SAVE_WEIGHTS = "insert into epoch values (?, ?) on conflict (number) do update set weights = excluded.weights"
_WEIGHTS = "select number, weights from epoch order by number"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a record says."""

    plan: Plan | None = None
    """None if nothing has begun."""

    trials: Sequence[Trial] = ()
    """First those that have ended, in the order in which they did; then the others, by number."""

    weights: Sequence[EpochWeights] = ()
    """By epoch."""


class Records:
    """The record in a folder, open for writing; made if there is none. One process at a time has it open.

    What `save` returned for is there after the process was killed; a trial that has ended, also after the machine was.
    Every method raises `ExperimentError` where the file cannot be read or written.

    Attributes:
        broken: Whether a write has failed, so that others will.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.broken = False
        with _errors(self.path):
            self._file = sqlite3.connect(self.path, isolation_level=None)
            self._lock = Lock(folder)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        with _errors(self.path):
            self._file.execute("pragma journal_mode = wal")
            with self._transaction():
                for statement in chain(*_STEPS[_version(self._file, self.path) :]):
                    self._file.execute(statement)
            self._claim()
            (self._endings,) = self._file.execute("select coalesce(max(ending), 0) from trial").fetchone()

    def _claim(self) -> None:
        if self._lock.take():
            return
        runner = self._file.execute("select runner from experiment").fetchone() or ("another process",)
        raise ExperimentError(
            f"{self.path.parent} is being run by {runner[0]}; wait for its end, or choose another name"
        )

    def plan(self) -> Plan | None:
        """What the experiment was begun with, if it was."""
        with _errors(self.path):
            return _plan(self._file)

    def begin(self, plan: Plan) -> None:
        """Writes down what the experiment is, unless that is known, and who runs it."""
        runner = f"process {os.getpid()} on {socket.gethostname()}"
        with self._writing(durable=True):
            self._file.execute(_BEGIN, (time.time(), plan.to_json(), runner))

    def trials(self) -> list[Trial]:
        """First those that have ended, in the order in which they did; then the others, by number."""
        with _errors(self.path):
            return _trials(self._file, _TRIALS, self.path.parent)

    def save(self, trials: Sequence[Trial]) -> None:
        """Writes trials, all or none."""
        with self._writing(durable=any(trial.has_ended for trial in trials)):
            self._file.executemany(_SAVE, [self._row(trial) for trial in trials])

    def weights(self) -> list[EpochWeights]:
        """By epoch."""
        with _errors(self.path):
            return _weights(self._file)

    def close(self) -> None:
        self._file.close()
        self._lock.close()

    def _row(self, trial: Trial) -> tuple[Any, ...]:
        self._endings += trial.has_ended
        return (
            trial.number,
            trial.state,
            json.dumps(trial.sample, allow_nan=False),
            json.dumps(trial.metrics, allow_nan=False),
            json.dumps(trial.intermediates, allow_nan=False),
            trial.error,
            trial.seed,
            trial.started,
            trial.ended,
            trial.duration,
            trial.host,
            self._endings if trial.has_ended else None,
            json.dumps(kept_files.written(trial.files, self.path.parent)),
        )

    @contextmanager
    def _writing(self, *, durable: bool) -> Iterator[None]:
        try:
            with _errors(self.path):
                self._file.execute(f"pragma synchronous = {'full' if durable else 'normal'}")
                with self._transaction():
                    yield
        except ExperimentError:
            self.broken = True
            raise

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._file.execute("begin immediate")
        try:
            yield
            self._file.execute("commit")
        finally:
            if self._file.in_transaction:
                self._file.execute("rollback")


@dataclass(frozen=True, slots=True)
class WeightsRecord:
    """Writes the architecture weights of epochs into the record in a folder, from whatever process trains.

    What it returned for is there after the machine has lost power. Of an epoch that is there already, the later counts.
    It raises `ExperimentError` where the file cannot be written, or a weight is no finite number.
    """

    folder: Path

    def __call__(self, epoch: int, weights: Weights) -> None:
        row, path = (epoch, EpochWeights.of(epoch, weights).to_json()), self.folder / FILE
        with _errors(path), closing(sqlite3.connect(path, isolation_level=None)) as file:
            file.execute("pragma synchronous = full")
            file.execute(_SAVE_WEIGHTS, row)


def read(folder: Path) -> Recorded:
    """What is recorded in a folder, which may be read-only and in use.

    Raises:
        ExperimentError: there is no record, or it cannot be read.
    """
    path = folder / FILE
    if not path.is_file():
        raise ExperimentError(f"there is no record of an experiment in {folder}: {FILE} is missing")
    with _errors(path):
        file = sqlite3.connect(f"{path.resolve().as_uri()}?{_reading(path)}", uri=True)
        try:
            version = _version(file, path)
            if not version:
                return Recorded()
            weights = _weights(file) if version >= _WITH_WEIGHTS else []
            question = _TRIALS if version >= _WITH_FILES else _TRIALS_OF_FIRST
            return Recorded(_plan(file), _trials(file, question, folder), weights)
        finally:
            file.close()


def _reading(path: Path) -> str:
    """How SQLite is to open a file for reading, which it wants to write beside unless it is told that nobody else will.

    A journal is what a process leaves that is killed while it makes the file; only who may write can take it back.
    """
    if path.with_name(f"{FILE}-journal").exists():
        return "mode=rw"
    if path.with_name(f"{FILE}-wal").exists() or os.access(path.parent, os.W_OK):
        return "mode=ro"
    return "mode=ro&immutable=1"


def _version(file: sqlite3.Connection, path: Path) -> int:
    """Of the schema; 0 where there is none yet."""
    version: int
    (version,) = file.execute("pragma user_version").fetchone()
    if version > _VERSION:
        raise ExperimentError(
            f"{path} was written by a newer version of retiarii (format {version}, known here up to {_VERSION}); update"
        )
    return version


def _plan(file: sqlite3.Connection) -> Plan | None:
    row = file.execute("select plan from experiment").fetchone()
    return None if row is None else Plan.from_json(row[0])


def _trials(file: sqlite3.Connection, question: str, folder: Path) -> list[Trial]:
    cursor = file.execute(question)
    names = [column[0] for column in cursor.description]
    return [_trial(dict(zip(names, row, strict=True)), folder) for row in cursor]


def _trial(values: dict[str, Any], folder: Path) -> Trial:
    loaded = {name: json.loads(values[name]) for name in ("sample", "metrics", "intermediates", "files")}
    loaded["files"] = kept_files.found(loaded["files"], folder)
    return Trial(**{**values, **loaded, "intermediates": tuple(loaded["intermediates"])})


def _weights(file: sqlite3.Connection) -> list[EpochWeights]:
    return [EpochWeights.from_json(epoch, text) for epoch, text in file.execute(_WEIGHTS)]


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    """What SQLite and the JSON in it have to say, in words that name the file and the way out."""
    try:
        yield
    except sqlite3.OperationalError as error:
        _raise_unusable(path, error)
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise ExperimentError(
            f"{path} is damaged, or no record of an experiment: {error}; nothing was changed"
        ) from error


def _raise_unusable(path: Path, error: sqlite3.OperationalError) -> NoReturn:
    free = f"{shutil.disk_usage(path.parent).free:,} bytes are free there" if path.parent.is_dir() else "no such folder"
    raise ExperimentError(
        f"{path} cannot be used: {error} ({free}). What was recorded before is kept; "
        "make it writable, or make room, and start the same experiment again"
    ) from error
