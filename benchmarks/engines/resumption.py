"""How soon a long search goes on, and how soon its record is read."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from engines.fresh import fresh
from engines.searches import folder_in, search
from engines.subject import Spent, no_op
from retiarii import Experiment
from retiarii.callback import Callback
from retiarii.engine import Assignment, Completed, Engine, Event, Job, Started
from retiarii.execution import SequentialEngine
from retiarii.trial import Trial

LIMIT = 10.0
NAME = "long"
BATCH = 512
SEARCHES = {"Random": ("Random", "RegularizedEvolution", "TPE"), "GridSearch": ("GridSearch",)}


class Batches(Engine):
    """Calls the function for many trials at a time: long records are made soon."""

    def open(self, assignment: Assignment) -> None:
        self._waiting: deque[Job] = deque()
        self._evaluator = assignment.evaluator

    @property
    def room(self) -> int:
        return BATCH if not self._waiting else 0

    def submit(self, jobs: Sequence[Job]) -> None:
        self._waiting.extend(jobs)

    def advance(self, listen: Callable[[Event], None], timeout: float) -> None:
        while self._waiting:
            job = self._waiting.popleft()
            listen(Started(job.number, ""))
            listen(Completed(job.number, {"default": no_op(job.sample)}, 0.0))

    def cancel(self, number: int) -> None:
        raise NotImplementedError


class First(Callback):
    """Notes when the first trial begins."""

    def __init__(self) -> None:
        self.seen: Spent | None = None

    def on_trial_start(self, trial: Trial) -> None:
        """Notes it."""
        self.seen = self.seen or Spent.after()


def resume_rows(directory: Path, trials: int) -> Iterator[dict[str, Any]]:
    """Seconds until a search goes on that has so many trials, and until its record is read.

    A grid goes on with its own trials, the other strategies with random ones.
    """
    for builder, strategies_of_it in SEARCHES.items():
        with folder_in(directory) as folder:
            fresh(build, folder, builder, trials)
            yield from fresh(read, folder, trials)
            for strategy in strategies_of_it:
                shutil.copytree(folder / NAME, folder / strategy)
                spent = fresh(resume, folder, strategy, trials)
                yield _row(f"resume a search with {strategy}", trials, spent, LIMIT)


def build(folder: Path, strategy: str, trials: int) -> None:
    """Makes a record."""
    search(folder / NAME, strategy, Batches(), trials).run(progress=False)


def resume(folder: Path, strategy: str, trials: int) -> Spent:
    """What it takes until a trial begins, from the call of `run`."""
    first = First()
    experiment = search(folder / strategy, strategy, SequentialEngine(), trials + 1, first)
    begin = Spent.before()
    experiment.run(progress=False)
    assert first.seen is not None
    return first.seen.since(begin)


def read(folder: Path, trials: int) -> list[dict[str, Any]]:
    """What those who only look have to wait for."""
    begin = Spent.before()
    history = Experiment.load(folder, NAME)
    assert history.best is not None and len(history.top(10)) == 10 and history.counts["completed"] == trials
    some = Spent.after().since(begin)
    begin = Spent.before()
    assert sum(1 for _ in history) == trials
    everything = Spent.after().since(begin)
    return [
        _row("load, the best, the best 10, and how many", trials, some, 1.0),
        _row("every trial, one after another", trials, everything, None),
    ]


def _row(what: str, trials: int, spent: Spent, limit: float | None) -> dict[str, Any]:
    return {
        "what": what,
        "trials": trials,
        "cpu_s": round(spent.cpu, 3),
        "wall_s": round(spent.wall, 3),
        "limit": limit,
        "holds": None if limit is None else spent.cpu <= limit,
    }
