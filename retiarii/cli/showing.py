"""`retiarii show`."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from retiarii.cli.choices import choice_rows, size_words
from retiarii.cli.found import loaded, place
from retiarii.cli.overview import Standing, count_words
from retiarii.cli.tables import cell, cut, facts, moment, sample_words, show, show_json, table
from retiarii.cli.trial_forms import trial_json
from retiarii.cli.under_way import Remaining, running
from retiarii.experiment.history import History
from retiarii.experiment.progress import duration
from retiarii.experiment.rows import Run

_MOST_CHOICES = 12
_MOST_FAILURES = 5
_MOST_RUNS = 5
_PER_HOUR = 3600
_WHOLE = 100
_IN_WORDS = re.compile(r"[\w.<>]+( ?\(.*\)| where .*)+|<.*>")
"""What describes a value, and is none itself: `loguniform(0.001, 0.1)`, `train.score (source 1f00d5e7)`."""

_MADE_OF = ("strategy", "stopper", "evaluator", "engine")


def show_experiment(name: str, directory: Path | None, *, top: int, whole_errors: bool, as_json: bool) -> None:
    """Prints what is known of an experiment.

    Raises:
        ExperimentError: there is no such experiment, or its record can't be read.
    """
    where = place(directory)
    history = loaded(where, name)
    seen = _Seen(where / name, history, top)
    if as_json:
        show_json({"name": name, **seen.to_json()})
    else:
        show(cell(name, "bold"), *seen.parts(whole_errors))


class _Seen:
    """What is shown of an experiment, read once."""

    def __init__(self, folder: Path, history: History, top: int) -> None:
        self.folder = folder
        self.plan = history.plan
        self.objectives = history.objectives
        self.counts = history.counts
        self.standing = Standing.of(folder, history)
        self.runs = self.standing.runs
        self.front_size = 0
        if len(self.objectives) > 1:
            front = history.pareto_front()
            self.best, self.front_size = front[:top], len(front)
        else:
            self.best = history.top(top)
        self.failures = history.failures(_MOST_FAILURES)
        self.seconds = history.seconds
        is_running = self.standing.state == "running"
        self.running = running(history) if is_running else []
        self.remaining = Remaining.of(self.plan, self.runs[-1], self.counts) if self.runs else None

    @property
    def settings(self) -> Mapping[str, Any]:
        """Those of the last run."""
        return self.runs[-1].settings if self.runs else {}

    @property
    def rate(self) -> float | None:
        """Trials that have ended, an hour of running."""
        ended = sum([self.counts[state] for state in ("completed", "failed", "stopped")])
        return ended / self.seconds * _PER_HOUR if self.seconds > 0 else None

    def to_json(self) -> dict[str, Any]:
        return {
            **self.standing.to_json(),
            "folder": str(self.folder.absolute()),
            "plan": None if self.plan is None else asdict(self.plan),
            "settings": self.settings,
            "trials": {state: count for state, count in self.counts.items() if count},
            "wanted": None if self.remaining is None else self.remaining.total,
            "running": [trial_json(trial) for trial in self.running],
            "seconds": self.seconds,
            "trials_per_hour": self.rate,
            "pareto_front": self.front_size if len(self.objectives) > 1 else None,
            "best": [trial_json(trial) for trial in self.best],
            "failures": [trial_json(trial) for trial in self.failures],
            "runs": [asdict(run) for run in self.runs],
        }

    def parts(self, whole_errors: bool) -> Iterator[RenderableType]:
        yield facts(self._facts())
        if self.plan is not None:
            yield from self._choices()
        yield from self._running_now()
        if self.best:
            yield self._best_title()
            yield self._best_table()
        if self.failures:
            yield from self._failures(whole_errors)
        if self.runs:
            yield from _runs(self.runs)

    def _facts(self) -> Iterator[tuple[str, str]]:
        yield "state", self.standing.words
        if self.plan is not None:
            yield "space", f"{self.plan.space}: {_choices(len(self.plan.choices))}, {size_words(self.plan)}"
            yield from [("constraint", constraint) for constraint in self.plan.constraints]
            yield "objectives", ", ".join([f"{direction} {name}" for name, direction in self.objectives.items()])
            yield "seed", str(self.plan.seed)
        yield from [(part, _call(self.settings[part])) for part in _MADE_OF if self.settings.get(part)]
        yield "trials", count_words(self.counts) + self._of_how_many()
        if self.standing.state == "running" and self.remaining is not None:
            yield "left", self.remaining.words(self.rate, time.time())
        if self.rate is not None:
            yield "rate", f"{_rounded(self.rate)} trials an hour, over {duration(self.seconds)} of running"
        yield "last ran", moment(self.standing.last)
        yield "folder", str(self.folder)

    def _of_how_many(self) -> str:
        total = None if self.remaining is None else self.remaining.total
        return "" if total is None else f"; {total:,} are wanted"

    def _running_now(self) -> Iterator[RenderableType]:
        if self.running:
            yield f"Running now: {len(self.running)}"
            rows = [(trial.number, _since(trial.started), sample_words(trial.sample)) for trial in self.running]
            yield table(("trial", "since", "sample"), rows, cut="sample")

    def _choices(self) -> Iterator[RenderableType]:
        if self.plan is None:
            return
        rows = choice_rows(self.plan)
        if rows:
            yield table(("label", "number", "candidates"), rows[:_MOST_CHOICES])
        if len(rows) > _MOST_CHOICES:
            yield f"... and {len(rows) - _MOST_CHOICES} more kinds of choices: retiarii show --json has all"

    def _best_title(self) -> str:
        if len(self.objectives) == 1:
            return f"The best {len(self.best)}" if len(self.best) > 1 else "The best"
        first = f", of which the first {len(self.best)}" if self.front_size > len(self.best) else ""
        return f"Pareto front: {self.front_size} trials{first}"

    def _best_table(self) -> RenderableType:
        names = list(dict.fromkeys(name for trial in self.best for name in trial.metrics))
        columns = ("trial", *names, "seconds", "sample")
        rows = [
            (trial.number, *[trial.metrics.get(name) for name in names], trial.duration, sample_words(trial.sample))
            for trial in self.best
        ]
        return table(columns, rows, cut="sample")

    def _failures(self, whole_errors: bool) -> Iterator[RenderableType]:
        yield f"The last failures, of {self.counts['failed']}"
        if whole_errors:
            yield from [f"Trial {trial.number}: {sample_words(trial.sample)}\n{trial.error}" for trial in self.failures]
            return
        yield table(("trial", "error"), [(trial.number, cut(trial.reason or "")) for trial in self.failures])


def _runs(runs: Sequence[Run]) -> Iterator[RenderableType]:
    resumptions = len(runs) - 1
    resumed = f", resumed {'once' if resumptions == 1 else f'{resumptions} times'}" if resumptions else ""
    last = f", the last {_MOST_RUNS} of them" if len(runs) > _MOST_RUNS else ""
    yield f"Runs: {len(runs)}{resumed}{last}"
    yield table(
        ("run", "started", "ended", "ending", "process", "host"),
        [
            (run.number, moment(run.started), moment(run.ended), cut(run.ending or ""), run.pid, run.host)
            for run in runs[-_MOST_RUNS:]
        ],
    )


def _choices(number: int) -> str:
    return "1 choice" if number == 1 else f"{number} choices"


def _rounded(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= _WHOLE else f"{rate:.3g}"


def _since(started: float | None) -> str:
    return "" if started is None else f"{moment(started)} ({duration(max(0.0, time.time() - started))})"


def _call(part: Any) -> str:
    """What a run was made with, as it was written: `Random(seed=3)`."""
    if not isinstance(part, Mapping) or "class" not in part:
        return sample_words({"": part})[1:]
    arguments = part.get("arguments", {})
    given = [f"{name}={_value(value)}" for name, value in arguments.items() if value not in (None, {}, [])]
    return f"{str(part['class']).rpartition('.')[2]}({', '.join(given)})"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        items = [f"{name!r}: {_value(item)}" for name, item in value.items()]
        return _call(value) if value.keys() >= {"class", "arguments"} else f"{{{', '.join(items)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return value if isinstance(value, str) and _IN_WORDS.fullmatch(value) else repr(value)
