"""`retiarii trials`."""

from __future__ import annotations

import csv
import heapq
import io
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from rich.cells import cell_len, set_cell_size

from retiarii.cli.found import loaded, place
from retiarii.cli.tables import as_json, never_unprintable, one_line, put_out
from retiarii.cli.trial_forms import Columns, table_row, trial_json
from retiarii.experiment.history import History
from retiarii.trial import State, Trial

Form: TypeAlias = Literal["table", "csv", "json"]

_MEASURED = 200
"""So many rows decide how wide the columns of a table are."""


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which trials, and in what order."""

    state: State | None = None
    """None for any."""

    sort: Literal["number", "metric"] = "number"
    limit: int | None = None

    def of(self, history: History, form: Callable[[Trial], T]) -> Iterator[T]:
        """What `form` makes of each of the trials: one after another by number; by metric, once all have been seen."""
        wanted = (trial for trial in history if self.state in (None, trial.state))
        if self.sort == "number":
            return map(form, islice(wanted, self.limit))
        sign = -1 if next(iter(history.objectives.values()), None) == "maximize" else 1
        ranked = ((_rank(trial, sign), form(trial)) for trial in wanted)
        ordered = sorted(ranked, key=_first) if self.limit is None else heapq.nsmallest(self.limit, ranked, key=_first)
        return (made for _, made in ordered)


def _first(pair: tuple[T, object]) -> T:
    return pair[0]


def _rank(trial: Trial, sign: int) -> tuple[bool, float, int]:
    """The best first, and last of all what has no metric."""
    metric = trial.metric
    return (True, 0.0, trial.number) if metric is None else (False, sign * metric, trial.number)


def write_trials(name: str, directory: Path | None, form: Form, selection: Selection) -> None:
    """Writes trials to the standard output.

    Raises:
        ExperimentError: there is no such experiment, or its record can't be read.
    """
    history = loaded(place(directory), name)
    never_unprintable()
    with put_out():
        _write(history, form, selection)


def _write(history: History, form: Form, selection: Selection) -> None:
    if form == "csv":
        _write_csv(history, selection)
    elif form == "json":
        _write_json(selection.of(history, lambda trial: as_json(trial_json(trial))))
    else:
        objectives = [*history.objectives]
        _write_table(objectives, selection.of(history, lambda trial: table_row(trial, objectives)))


def _write_csv(history: History, selection: Selection) -> None:
    metrics = dict.fromkeys(history.objectives)
    for trial in history:
        metrics |= dict.fromkeys(trial.metrics)
    plan = history.plan
    columns = Columns([*metrics], [] if plan is None else [*plan.choices])
    sys.stdout.write(_csv_line(columns.head))
    sys.stdout.writelines(selection.of(history, lambda trial: _csv_line(columns.row(trial))))


def _csv_line(cells: Sequence[str]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _write_json(trials: Iterable[str]) -> None:
    between = "["
    for trial in trials:
        sys.stdout.write(f"{between}\n{trial}")
        between = ","
    sys.stdout.write("[]\n" if between == "[" else "\n]\n")


def _write_table(objectives: Sequence[str], rows: Iterator[Sequence[str]]) -> None:
    head = ("trial", "state", *map(one_line, objectives), "seconds", "sample")
    first = [head, *islice(rows, _MEASURED)]
    widths = [max([len(row[place]) for row in first]) for place in range(len(head) - 1)]
    most = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for row in chain(first, rows):
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=False)]
        print(_cut("  ".join([*cells, row[-1]]).rstrip(), most))


def _cut(line: str, most: int | None) -> str:
    return line if most is None or cell_len(line) <= most else f"{set_cell_size(line, most - 1)}…"
