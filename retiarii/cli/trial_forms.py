"""Trials as rows of tables, as lines of CSV and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from retiarii.cli.tables import as_json, cut, number, one_line, sample_words
from retiarii.trial import Trial

_FORMULA = ("=", "+", "-", "@")
_BEFORE = ("number", "state")
_AFTER = ("seed", "started", "ended", "duration", "host", "interruptions")


def trial_json(trial: Trial) -> dict[str, Any]:
    """All that is known of a trial, in an order that stays; times are seconds since the epoch."""
    return {
        "number": trial.number,
        "state": trial.state,
        "metrics": dict(trial.metrics),
        "sample": dict(trial.sample),
        "intermediates": list(trial.intermediates),
        "error": trial.error,
        "seed": trial.seed,
        "started": trial.started,
        "ended": trial.ended,
        "duration": trial.duration,
        "host": trial.host,
        "interruptions": trial.interruptions,
        "files": dict(trial.files),
    }


class Columns:
    """The columns of a CSV file of trials.

    Args:
        metrics: The names of all metrics.
        labels: All labels.
    """

    def __init__(self, metrics: Sequence[str], labels: Sequence[str]) -> None:
        self._metrics = metrics
        self._labels = labels

    @property
    def head(self) -> list[str]:
        named = [f"metrics.{name}" for name in self._metrics] + [f"sample.{label}" for label in self._labels]
        return [*_BEFORE, *map(one_line, named), *_AFTER, "error"]

    def row(self, trial: Trial) -> list[str]:
        metrics = [_present(trial.metrics, name) for name in self._metrics]
        sample = [_present(trial.sample, label) for label in self._labels]
        before, after = (map(_csv_cell, [getattr(trial, name) for name in names]) for names in (_BEFORE, _AFTER))
        return [*before, *metrics, *sample, *after, _csv_cell(trial.reason)]


def _present(values: Mapping[str, Any], name: str) -> str:
    """A cell that is empty where there is no such value, as of a choice that is not active."""
    if name not in values:
        return ""
    return "null" if values[name] is None else _csv_cell(values[name])


def _csv_cell(value: Any) -> str:
    """A cell in which text is never a formula to a spreadsheet."""
    if value is None:
        return ""
    text = one_line(value) if isinstance(value, str) else as_json(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


def table_row(trial: Trial, objectives: Sequence[str]) -> tuple[str, ...]:
    """The cells of a trial in a table: number, state, objectives, seconds, and its sample, or else why it failed."""
    metrics = [number(trial.metrics[name]) if name in trial.metrics else "" for name in objectives]
    seconds = "" if trial.duration is None else number(trial.duration)
    said = sample_words(trial.sample) + (f"  {cut(trial.reason)}" if trial.reason else "")
    return (str(trial.number), trial.state, *metrics, seconds, one_line(said))
