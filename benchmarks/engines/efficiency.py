"""How well two workers are used by trials of a second, and how soon the first trial runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from engines.fresh import fresh
from engines.searches import folder_in, search
from engines.subject import WORKERS, Spent, Table, load, no_op, samples
from retiarii.callback import Callback
from retiarii.domain import Sample
from retiarii.engine import Assignment, Event, Failed, Job, Started
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import ProcessEngine
from retiarii.trial import Trial

LIMIT = 0.95
SECOND = 1.0


class Ends(Callback):
    """Notes when trials end, and how long they took."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, float]] = []

    def on_trial_end(self, trial: Trial) -> None:
        """Notes it."""
        assert trial.duration is not None, trial.error
        self.seen.append((time.perf_counter(), trial.duration))


def asleep(sample: Mapping[str, Any]) -> float:
    """A second of sleep."""
    time.sleep(SECOND)
    return no_op(sample)


def at_work(sample: Mapping[str, Any]) -> float:
    """A second of CPU time."""
    until = time.thread_time() + SECOND
    while time.thread_time() < until:
        sum(range(1000))
    return no_op(sample)


def efficiency_rows(directory: Path, trials: int, repeats: int) -> Iterator[dict[str, Any]]:
    """Seconds of trials against the seconds that two workers had for them."""
    for function, what in ((asleep, "trials of 1 s of sleep"), (at_work, "trials of 1 s of CPU time")):
        runs = [_efficiency(directory, function, trials) for _ in range(repeats)]
        yield {
            "what": f"use of {WORKERS} workers by {what}",
            "trials": trials,
            "best": round(max(nominal for nominal, _ in runs), 4),
            "median": round(median(nominal for nominal, _ in runs), 4),
            "share_of_time_within_trials": round(max(within for _, within in runs), 4),
            "limit": LIMIT,
            "holds": max(nominal for nominal, _ in runs) >= LIMIT,
            "load": load(),
        }


def _efficiency(directory: Path, function: Callable[[Sample], float], trials: int) -> tuple[float, float]:
    """Of a search, from when each worker has ended a trial: by nominal seconds, and by those that trials took."""
    ends = Ends()
    with folder_in(directory) as folder:
        engine = ProcessEngine(WORKERS)
        search(folder / "seconds", "Random", engine, trials, ends, function=function).run(progress=False)
    begin, counted = ends.seen[WORKERS - 1][0], ends.seen[WORKERS:]
    available = WORKERS * (counted[-1][0] - begin)
    return len(counted) * SECOND / available, sum(duration for _, duration in counted) / available


def start_rows(repeats: int) -> Iterator[dict[str, Any]]:
    """What it takes until a trial runs, where it needs torch and where it doesn't."""
    for needs_torch in (False, True):
        taken = [fresh(start, needs_torch) for _ in range(repeats)]
        yield {
            "what": "until the first trial runs",
            "with": "torch" if needs_torch else "no torch",
            "wall_s": {"min": _rounded(min, taken, "wall"), "median": _rounded(median, taken, "wall")},
            "cpu_s": {"min": _rounded(min, taken, "cpu"), "median": _rounded(median, taken, "cpu")},
        }


def start(needs_torch: bool) -> Spent:
    """What passes from opening an engine until a trial begins, the workers' CPU time included."""
    evaluator = FunctionalEvaluator(needing_torch if needs_torch else no_op, argument="sample")
    engine = ProcessEngine(WORKERS)
    started: list[Spent] = []

    def listen(event: Event) -> None:
        assert not isinstance(event, Failed), event
        if not isinstance(event, Started):
            started.append(Spent.after())

    begin = Spent.before()
    engine.open(Assignment(Table(), evaluator, {"default": "maximize"}))
    engine.submit([Job(0, samples(1)[0])])
    while not started:
        engine.advance(listen, 1.0)
    engine.close()
    return started[0].since(begin)


def needing_torch(sample: Mapping[str, Any]) -> float:
    """An evaluation of next to no work that needs torch."""
    import torch  # noqa: PLC0415

    return float(torch.tensor(no_op(sample)))


def _rounded(of: Callable[[Sequence[float]], float], taken: Sequence[Spent], name: str) -> float:
    return round(of([getattr(spent, name) for spent in taken]), 3)
