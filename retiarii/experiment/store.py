"""Every statement that is made to a record."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from retiarii.engine import encodable
from retiarii.errors import ExperimentError
from retiarii.experiment.plan import Plan
from retiarii.experiment.rows import Run, checksum, run_of, trial_of, trial_row
from retiarii.experiment.weights import EpochWeights
from retiarii.trial import Direction, State, Trial

_BEGIN = """insert into experiment (one, created, plan, checksum) values (1, ?, ?, ?)
    on conflict (one) do update set plan = excluded.plan, checksum = excluded.checksum"""
_SAVE = """insert into trial
    (number, state, sample, metrics, intermediates, error, seed, started, ended, duration, host, ending, files,
    interruptions, metric, checksum)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (number) do update set
    state = excluded.state, metrics = excluded.metrics, intermediates = excluded.intermediates, error = excluded.error,
    started = excluded.started, ended = excluded.ended, duration = excluded.duration, host = excluded.host,
    ending = excluded.ending, files = excluded.files, interruptions = excluded.interruptions, metric = excluded.metric,
    checksum = excluded.checksum where trial.ending is null"""
_COLUMNS = """select number, state, sample, metrics, intermediates, error, seed, started, ended, duration, host, ending,
    files, interruptions, metric, checksum from trial"""
_AS_THEY_ENDED = f"{_COLUMNS} order by ending is null, ending, number"
_BY_NUMBER = f"{_COLUMNS} order by number"
_ONE = f"{_COLUMNS} where number = ?"
_BEST: Mapping[Direction, str] = {
    "maximize": f"{_COLUMNS} where state = 'completed' order by metric desc, number limit ?",
    "minimize": f"{_COLUMNS} where state = 'completed' order by metric, number limit ?",
}
_METRICS = "select number, metrics from trial where metrics <> '{}'"
_SET_METRICS = """update trial set metrics = ?, metric = case state when 'completed' then ? end, checksum = null
    where number = ?"""
_FAILED = f"{_COLUMNS} where state = 'failed' order by ending desc limit ?"
_SAVE_WEIGHTS = "insert into epoch values (?, ?) on conflict (number) do update set weights = excluded.weights"
_START_RUN = "insert into run (started, pid, host, settings) values (?, ?, ?, ?)"
_RUNS = "select number, started, seen, ended, ending, pid, host, settings from run order by number"


class Store:
    """What can be asked of the tables of a record, and done to them, through one connection.

    Args:
        file: To SQLite, in autocommit mode; its tables are those of `schema.VERSION`.
        folder: Where the record lies, for the paths in it.
    """

    def __init__(self, file: sqlite3.Connection, folder: Path) -> None:
        self._file = file
        self._folder = folder

    def plan(self) -> Plan | None:
        row = self._file.execute("select plan, checksum from experiment").fetchone()
        if row is None:
            return None
        found, written = row
        if written is not None and written != checksum(found):
            raise ValueError("the plan is not as it was written")
        return Plan.from_json(found)

    def begin(self, plan: Plan) -> None:
        """Writes down what the experiment is.

        Raises:
            ExperimentError: the objectives are others than before, and a trial lacks one of them.
        """
        before, now = self.plan(), plan.to_json()
        self._file.execute(_BEGIN, (time.time(), now, checksum(now)))
        if before is not None and [*before.objectives] != [*plan.objectives]:
            self._put_first([*plan.objectives])

    def _put_first(self, names: Sequence[str]) -> None:
        """Puts the objectives first in the metrics of all trials."""
        for number, found in self._file.execute(_METRICS).fetchall():
            metrics = json.loads(found)
            if not metrics.keys() >= {*names}:
                raise ExperimentError(
                    f"trial {number} has the metrics {', '.join(metrics)}, so the objectives cannot become "
                    f"{', '.join(names)}; choose another name for the experiment"
                )
            ordered = {name: metrics[name] for name in names} | metrics
            self._file.execute(_SET_METRICS, (json.dumps(ordered, allow_nan=False), ordered[names[0]], number))

    def runs(self) -> list[Run]:
        cursor = self._file.execute(_RUNS)
        names = [column[0] for column in cursor.description]
        return [run_of(dict(zip(names, row, strict=True))) for row in cursor]

    def start_run(self, pid: int, host: str, settings: Mapping[str, Any]) -> int:
        """Writes down that a run begins, and gives its number."""
        cursor = self._file.execute(_START_RUN, (time.time(), pid, host, json.dumps(settings, allow_nan=False)))
        number = cursor.lastrowid
        assert number is not None  # noqa: S101  an insert has one
        return number

    def see_run(self, number: int) -> None:
        """Writes down that a run is alive."""
        self._file.execute("update run set seen = ? where number = ?", (time.time(), number))

    def end_run(self, number: int, ending: str) -> None:
        self._file.execute(
            "update run set ended = ?, ending = ? where number = ?", (time.time(), encodable(ending), number)
        )

    def trials(self) -> Iterator[Trial]:
        """By number."""
        self.check_complete()
        return self._trials(_BY_NUMBER)

    def trials_as_they_ended(self) -> Iterator[Trial]:
        """First those that have ended, in the order in which they did; then the others, by number."""
        self.check_complete()
        return self._trials(_AS_THEY_ENDED)

    def trial(self, number: int) -> Trial | None:
        return next(self._trials(_ONE, number), None)

    def best(self, k: int, direction: Direction) -> list[Trial]:
        """The completed trials that are best in the primary objective, of equal ones the first."""
        return list(self._trials(_BEST[direction], k))

    def failures(self, k: int) -> list[Trial]:
        """The trials that failed last, the last first."""
        return list(self._trials(_FAILED, k))

    def counts(self) -> Counter[State]:
        """How many trials are in each state."""
        self.check_complete()
        counts: Counter[State] = Counter(dict(self._file.execute("select state, count(*) from trial group by state")))
        if not counts.keys() <= {*get_args(State)}:
            raise ValueError(f"there are trials in the states {', '.join(map(str, counts))}")
        return counts

    def check_complete(self) -> None:
        """Sees that no trial is missing: they are numbered from 0 on.

        Raises:
            ValueError: one is.
        """
        count, last = self._file.execute("select count(*), max(number) from trial").fetchone()
        if count != (0 if last is None else last + 1):
            raise ValueError(f"of {last + 1} trials {last + 1 - count} are missing")

    def last_ending(self) -> int:
        """How many trials have ended."""
        number: int
        (number,) = self._file.execute("select coalesce(max(ending), 0) from trial").fetchone()
        return number

    def save(self, trials: Sequence[tuple[Trial, int | None]]) -> None:
        """Writes trials, each with its place among those that have ended. One that has ended stays as it is."""
        self._file.executemany(_SAVE, [trial_row(trial, ending, self._folder) for trial, ending in trials])

    def weights(self) -> list[EpochWeights]:
        """By epoch."""
        rows = self._file.execute("select number, weights from epoch order by number")
        return [EpochWeights.from_json(epoch, text) for epoch, text in rows]

    def save_weights(self, weights: EpochWeights) -> None:
        """Of an epoch that is there already, the later count."""
        self._file.execute(_SAVE_WEIGHTS, (weights.epoch, weights.to_json()))

    def _trials(self, question: str, *values: Any) -> Iterator[Trial]:
        return (trial_of(row, self._folder) for row in self._file.execute(question, values))
