"""An experiment at a glance: what it is up to, and how far it is."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from retiarii.experiment.history import History
from retiarii.experiment.lock import holder, is_taken
from retiarii.experiment.record_file import FILE
from retiarii.experiment.rows import Run
from retiarii.trial import State

INTERRUPTED = "it was interrupted"
"""The ending of a run that was stopped by a signal."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What an experiment is up to."""

    state: Literal["running", "ended", "interrupted", "not begun", "damaged"]
    reason: str = ""
    """By whom it is run, why it ended, or what is wrong with it."""

    last: float | None = None
    """When it was last seen to run, in seconds since the epoch."""

    runs: Sequence[Run] = ()
    """Every run, from the first, as recorded at that moment."""

    @classmethod
    def of(cls, folder: Path, history: History) -> Self:
        is_running, runs = _at_one_moment(folder, history)
        if is_running:
            return cls("running", holder(runs), time.time(), runs)
        if not runs:
            return cls("not begun")
        ending, ended = runs[-1].ending, runs[-1].ended
        if ending is None:
            return cls("interrupted", "its process was killed", _last_written(folder), runs)
        return cls("interrupted" if ending == INTERRUPTED else "ended", ending, ended, runs)

    @property
    def words(self) -> str:
        if self.reason in ("", INTERRUPTED):
            return self.state
        return f"{self.state} by {self.reason}" if self.state == "running" else f"{self.state}: {self.reason}"

    def to_json(self) -> dict[str, Any]:
        return {"state": self.state, "reason": self.reason or None, "last_ran": self.last}


def count_words(counts: Mapping[State, int]) -> str:
    """How many trials are in which state, the largest groups first."""
    states = sorted(counts, key=lambda state: (-counts[state], state))
    return ", ".join([f"{counts[state]:,} {state}" for state in states if counts[state]]) or "none"


def _at_one_moment(folder: Path, history: History) -> tuple[bool, Sequence[Run]]:
    """Whether an experiment runs, and its runs; one may begin or end between the two questions."""
    while True:
        is_running, runs = is_taken(folder), history.runs
        if is_taken(folder) == is_running:
            return is_running, runs


def _last_written(folder: Path) -> float | None:
    times = []
    for file in (folder / FILE, folder / f"{FILE}-wal"):
        with suppress(FileNotFoundError):
            times.append(file.stat().st_mtime)
    return max(times, default=None)
