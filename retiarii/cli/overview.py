"""An experiment at a glance: what it is up to, and how far it is."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from retiarii.experiment.lock import is_taken
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

    @classmethod
    def of(cls, folder: Path, runs: Sequence[Run]) -> Self:
        run = runs[-1] if runs else None
        if is_taken(folder):
            return cls("running", "" if run is None or run.pid is None else _runner(run), time.time())
        if run is None:
            return cls("not begun")
        if run.ending is None:
            return cls("interrupted", "its process was killed", _last_written(folder))
        return cls("interrupted" if run.ending == INTERRUPTED else "ended", run.ending, run.ended)

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


def _runner(run: Run) -> str:
    return f"process {run.pid} on {run.host}"


def _last_written(folder: Path) -> float:
    files = [folder / FILE, folder / f"{FILE}-wal"]
    return max([file.stat().st_mtime for file in files if file.exists()])
