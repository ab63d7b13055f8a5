"""Runs of every algorithm with every seed, on several processes; those of references may be kept in files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from quality.algorithms import ALGORITHMS
from quality.landscapes import Vector
from quality.tasks import Task, tasks_of


@dataclass(frozen=True, slots=True)
class Run:
    """One search, and how good it was after each number of evaluations."""

    task: str
    algorithm: str
    seed: int
    curve: dict[int, float]


@dataclass(frozen=True, slots=True)
class Plan:
    """What runs: the algorithms with all seeds.

    Attributes:
        table: The file of the table.
        algorithms: Their names.
        seeds: Seeds 0 to this, without it.
        moments: The numbers of evaluations at which a search is judged, ascending.
        cache: A folder for the evaluations of references, or None.
    """

    table: Path
    algorithms: Sequence[str]
    seeds: int
    moments: Sequence[int]
    cache: Path | None

    def runs(self, jobs: int) -> Iterator[Run]:
        """All runs, by task, then by algorithm, then by seed."""
        work = [
            (task.name, name, seed)
            for task in tasks_of(self.table)
            for name in self.algorithms
            if task.measure in ALGORITHMS[name].measures
            for seed in range(self.seeds)
        ]
        with ProcessPoolExecutor(jobs, get_context("spawn"), _begin, (self,)) as pool:
            yield from pool.map(_run, work)


_plan: Plan
_tasks: dict[str, Task]


def _begin(plan: Plan) -> None:
    global _plan, _tasks
    _plan, _tasks = plan, {task.name: task for task in tasks_of(plan.table)}


def _run(work: tuple[str, str, int]) -> Run:
    task, name, seed = _tasks[work[0]], work[1], work[2]
    found = _evaluated(task, name, seed)
    return Run(task.name, name, seed, {moment: task.quality(found[:moment]) for moment in _plan.moments})


def _evaluated(task: Task, name: str, seed: int) -> list[Vector]:
    budget = _plan.moments[-1]
    if _plan.cache is None or ALGORITHMS[name].ours:
        return ALGORITHMS[name].search(task, budget, seed)
    file = _plan.cache / task.name / name / f"{seed}.json"
    if file.exists():
        kept = json.loads(file.read_text())
        if kept["budget"] >= budget:
            return [tuple(map(int, text)) for text in kept["evaluated"][:budget]]
    found = ALGORITHMS[name].search(task, budget, seed)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"budget": budget, "evaluated": ["".join(map(str, vector)) for vector in found]}))
    return found
