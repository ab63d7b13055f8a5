"""`retiarii list`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retiarii.cli.found import names, place
from retiarii.cli.overview import Standing, count_words
from retiarii.cli.tables import cut, moment, show, show_json, table
from retiarii.errors import RetiariiError
from retiarii.experiment import Experiment
from retiarii.trial import State, Trial


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    standing: Standing
    trials: str = ""
    counts: Mapping[State, int] = field(default_factory=dict)
    objective: str | None = None
    best: Trial | None = None

    def row(self) -> tuple[object, ...]:
        metric = None if self.best is None else self.best.metric
        said = moment(self.standing.last)
        return (self.name, cut(self.standing.words), self.trials, metric, self.objective, said)

    def to_json(self) -> dict[str, Any]:
        best = None if self.best is None else {"trial": self.best.number, "metric": self.best.metric}
        counts = {"trials": dict(self.counts), "objective": self.objective, "best": best}
        return {"name": self.name, **self.standing.to_json(), **counts}


def list_experiments(directory: Path | None, *, as_json: bool) -> None:
    """Prints what lies in a directory.

    Raises:
        ExperimentError: the directory is named, but is not there; or it can't be read.
    """
    where = place(directory)
    is_there = directory is not None or where.exists()
    entries = [_entry(where, name) for name in (names(where) if is_there else [])]
    if as_json:
        show_json([entry.to_json() for entry in entries])
    elif not entries:
        show(f"There are no experiments in {where.absolute()}")
    else:
        columns = ("name", "state", "trials", "best", "objective", "last ran")
        show(table(columns, [entry.row() for entry in entries]))


def _entry(directory: Path, name: str) -> _Entry:
    try:
        history = Experiment.load(directory, name)
        standing = Standing.of(directory / name, history)
        counts = {state: count for state, count in history.counts.items() if count}
        objective = next(iter(history.objectives), None)
        return _Entry(name, standing, count_words(counts), counts, objective, history.best)
    except (RetiariiError, OSError) as error:
        return _Entry(name, Standing("damaged", str(error)))
