"""The durable record of an experiment: one SQLite file, open for writing."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from retiarii.errors import ExperimentError
from retiarii.experiment.lock import Lock, holder
from retiarii.experiment.plan import Plan
from retiarii.experiment.reader import Reader
from retiarii.experiment.record_file import FILE, check_whole, errors, inode, make_private, opened, refuse_remains
from retiarii.experiment.schema import steps, version
from retiarii.experiment.store import Store
from retiarii.experiment.weights import EpochWeights
from retiarii.one_shot import Weights
from retiarii.trial import Direction, State, Trial


class Records:
    """The record in a folder, open for writing; made if there is none. One process at a time has it open.

    What `save` returned for is there after the process was killed; a trial that has ended, also after the machine was.
    Every method raises `ExperimentError` where the file cannot be read or written.

    Attributes:
        folder: Where it lies.
        broken: Whether a write has failed, so that others will.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broken = False
        self._path = folder / FILE
        self._run: int | None = None
        self._level = ""
        refuse_remains(self._path)
        self._held = ExitStack()
        try:
            self._lock = Lock(folder)
            self._held.callback(self._lock.close)
            if not self._lock.take():
                self._refuse()
            make_private(self._path)
            with errors(self._path):
                self._file = opened(self._path)
                self._held.callback(self._file.close)
                self._store = Store(self._file, folder)
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        with errors(self._path):
            known = version(self._file, self._path)
            check_whole(self._file, self._path)
            (mode,) = self._file.execute("pragma journal_mode = wal").fetchone()
            with self._transaction():
                for statement in steps(known):
                    self._file.execute(statement)
            self._endings = self._store.last_ending()
            there = self._path.resolve()  # beside which SQLite keeps its log, wherever a link to it lies
            written = [self._path, *([there.with_name(f"{there.name}-wal")] if mode == "wal" else [])]
            self._inodes = {file: inode(file) for file in written}

    def _refuse(self) -> NoReturn:
        try:
            runs = Reader(self.folder).runs()
        except ExperimentError:  # it has only just begun
            runs = []
        runner = holder(runs) or "another process"
        raise ExperimentError(f"{self.folder} is being run by {runner}; wait for its end, or choose another name")

    def plan(self) -> Plan | None:
        """What the experiment was begun with, if it was."""
        with errors(self._path):
            return self._store.plan()

    def begin(self, plan: Plan) -> None:
        """Writes down what the experiment is."""
        with self._writing(durable=True):
            self._store.begin(plan)

    def start_run(self, settings: Mapping[str, Any]) -> None:
        """Writes down who runs it, and with what; JSON values."""
        with self._writing(durable=True):
            self._run = self._store.start_run(os.getpid(), socket.gethostname(), settings)

    def end_run(self, ending: str) -> None:
        """Writes down why the run that was started ends, if one was."""
        if self._run is not None:
            with self._writing(durable=True):
                self._store.end_run(self._run, ending)

    def trials(self) -> Iterator[Trial]:
        """First those that have ended, in the order in which they did; then the others, by number."""
        with errors(self._path):
            yield from self._store.trials_as_they_ended()

    def counts(self) -> Counter[State]:
        """How many trials are in each state."""
        with errors(self._path):
            return self._store.counts()

    def best(self, direction: Direction) -> Trial | None:
        """The completed trial that is best in the primary objective."""
        with errors(self._path):
            return next(iter(self._store.best(1, direction)), None)

    def save(self, trials: Sequence[Trial]) -> None:
        """Writes trials, all or none."""
        numbered = [(trial, self._next_ending() if trial.has_ended else None) for trial in trials]
        durable = any(trial.has_ended for trial in trials)
        with self._writing(durable=durable):
            self._store.save(numbered)
            if durable and self._run is not None:
                self._store.see_run(self._run)

    def close(self) -> None:
        self._held.close()

    def _next_ending(self) -> int:
        self._endings += 1
        return self._endings

    @contextmanager
    def _writing(self, *, durable: bool) -> Iterator[None]:
        try:
            with errors(self._path):
                self._synchronize("full" if durable else "normal")
                with self._transaction():
                    yield
                if durable:
                    self._check_place()
        except ExperimentError:
            self.broken = True
            raise

    def _check_place(self) -> None:
        """Sees that all is still where it was opened: SQLite goes on writing to files that were removed."""
        for file, known in self._inodes.items():
            if known is None or inode(file) != known:
                raise ExperimentError(
                    f"{file} was removed or replaced while the experiment runs, so nothing can be recorded any more; "
                    f"see that {FILE} is there and start the same experiment again, or choose another name"
                )

    def _synchronize(self, level: str) -> None:
        if level != self._level:
            self._level = ""
            self._file.execute(f"pragma synchronous = {level}")
            self._level = level

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._file.execute("begin immediate")
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
        path, found = self.folder / FILE, EpochWeights.of(epoch, weights)
        with errors(path), closing(opened(path)) as file:
            file.execute("pragma synchronous = full")
            Store(file, self.folder).save_weights(found)
