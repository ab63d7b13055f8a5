"""What a search holds in memory, as it gets longer."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from engines.fresh import fresh
from engines.searches import folder_in, search
from engines.subject import WORKERS
from retiarii.callback import Callback
from retiarii.execution import ProcessEngine
from retiarii.trial import Trial

LIMIT = 40
FULL_CACHE = 10_000
"""Trials after which the cache of SQLite, 2 MB, is full: what is held is judged from there on."""

SHORT, LONG = (1_000, FULL_CACHE, 20_000), (1_000, FULL_CACHE, 100_000)


class Held(Callback):
    """Looks at the memory of this process when so many trials have ended."""

    def __init__(self, marks: Sequence[int]) -> None:
        self._marks = marks
        self._ended = 0
        self.seen: dict[int, int] = {}

    def on_trial_end(self, trial: Trial) -> None:
        """Counts it."""
        self._ended += 1
        if self._ended in self._marks:
            gc.collect()
            self.seen[self._ended] = psutil.Process().memory_info().rss


def memory_rows(directory: Path, marks: Sequence[int]) -> Iterator[dict[str, Any]]:
    """The bytes that the process of a search holds, and how many more it is for each trial."""
    for strategy in ("Random", "RegularizedEvolution"):
        with folder_in(directory) as folder:
            seen = fresh(held, folder, strategy, marks)
        for before, after in pairwise(marks):
            limit = LIMIT if before >= FULL_CACHE else None
            growth = (seen[after] - seen[before]) / (after - before)
            yield {
                "what": f"memory of a search with {strategy}",
                "trials": [before, after],
                "megabytes": [round(seen[mark] / 1e6, 1) for mark in (before, after)],
                "bytes_a_trial": round(growth),
                "limit": limit,
                "holds": None if limit is None else growth <= limit,
            }


def held(directory: Path, strategy: str, marks: Sequence[int]) -> dict[int, int]:
    """Runs an experiment up to the last mark; the bytes held at each."""
    watching = Held(marks)
    engine = ProcessEngine(WORKERS, trials_per_message=16)
    search(directory / "long", strategy, engine, marks[-1], watching).run(progress=False)
    return watching.seen
