"""Trials and runs as rows of a record, and back."""

from __future__ import annotations

import json
import math
import reprlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retiarii.engine import encodable
from retiarii.experiment import kept_files
from retiarii.trial import Trial

_encoded = json.JSONEncoder(allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class Run:
    """One run of an experiment: from a start, or a resumption, to its end."""

    number: int
    """Counts from 1."""

    started: float
    """Seconds since the epoch."""

    seen: float | None = None
    """Seconds since the epoch, when a trial of it ended last."""

    ended: float | None = None
    """Seconds since the epoch; None while it runs, and where its process was killed."""

    ending: str | None = None
    """Why it ended, in words."""

    pid: int | None = None
    host: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    """JSON values: what the search was made of, and what ran it."""

    @property
    def seconds(self) -> float:
        """How long it ran, as far as is known; 0 where the clock was put back."""
        last = self.ended if self.ended is not None else self.seen
        return max(0.0, last - self.started) if last is not None else 0.0


def trial_row(trial: Trial, ending: int | None, folder: Path) -> tuple[Any, ...]:
    """What is written of a trial.

    Args:
        trial: In any state.
        ending: Its place among those that have ended, if it has.
        folder: Where the record lies.
    """
    row = (
        trial.number,
        trial.state,
        _encoded(trial.sample),
        _encoded(trial.metrics),
        _encoded(trial.intermediates),
        None if trial.error is None else encodable(trial.error),
        trial.seed,
        _real(trial.started),
        _real(trial.ended),
        _real(trial.duration),
        None if trial.host is None else encodable(trial.host),
        ending,
        _encoded(kept_files.written(trial.files, folder)),
        trial.interruptions,
        _real(trial.metric) if trial.state == "completed" else None,
    )
    return (*row, checksum(*row))


def trial_of(row: tuple[Any, ...], folder: Path) -> Trial:
    """The trial of a row.

    Raises:
        ValueError: it is not as it was written, or makes no trial.
    """
    *plain, written = row
    if written is not None and written != checksum(*plain):
        raise ValueError(f"the row of trial {plain[0]} is not as it was written")
    number, state, sample, metrics, intermediates, error, seed, started, ended, duration, host, _, files, lost, _ = (
        plain
    )
    return Trial(
        number=number,
        state=state,
        sample=_mapping(sample, "sample", number),
        metrics=_metrics(metrics, state, number),
        intermediates=tuple(_loaded(intermediates, list, "intermediates", number)),
        error=error,
        seed=seed,
        started=started,
        ended=ended,
        duration=duration,
        host=host,
        files=kept_files.found(_mapping(files, "files", number), folder),
        interruptions=lost,
    )


def checksum(*values: Any) -> int:
    """What shows that plain values have changed on disk, which SQLite does not look for."""
    return zlib.crc32(repr(values).encode("utf-8", "surrogatepass"))


def _real(value: float | None) -> float | None:
    """A number as a column of real ones gives it back: without the sign of zero."""
    return None if value is None else float(value) + 0.0


def _metrics(text: str, state: str, number: int) -> dict[str, float]:
    metrics = _mapping(text, "metrics", number)
    finite = all(type(value) in (int, float) and math.isfinite(value) for value in metrics.values())
    if not finite or (state == "completed" and not metrics):
        raise ValueError(f"trial {number} has the metrics {reprlib.repr(text)}")
    return metrics


def _mapping(text: str, name: str, number: int) -> dict[str, Any]:
    found: dict[str, Any] = _loaded(text, dict, name, number)
    return found


def _loaded(text: str, kind: type[Any], name: str, number: int) -> Any:
    found = json.loads(text)
    if not isinstance(found, kind):
        raise ValueError(f"trial {number} has the {name} {reprlib.repr(text)}")
    return found


def run_of(values: dict[str, Any]) -> Run:
    """The run of a row, by the names of its columns."""
    settings = json.loads(values["settings"])
    return Run(**{**values, "settings": settings if isinstance(settings, dict) else {}})
