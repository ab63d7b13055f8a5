"""Trials that lie in memory, asked like those of a record."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Protocol

from retiarii.experiment.plan import Plan
from retiarii.experiment.rows import Run
from retiarii.experiment.weights import EpochWeights
from retiarii.trial import Direction, State, Trial


class Source(Protocol):
    """Where trials lie, and what is known beside them."""

    def __iter__(self) -> Iterator[Trial]: ...

    def trial(self, number: int) -> Trial | None: ...

    def counts(self) -> Counter[State]: ...

    def best(self, k: int, direction: Direction) -> list[Trial]: ...

    def failures(self, k: int) -> list[Trial]: ...

    def weights(self) -> list[EpochWeights]: ...

    def plan(self) -> Plan | None: ...

    def runs(self) -> list[Run]: ...


class HeldTrials:
    """The source of what was made by hand: trials in any order, and nothing beside them."""

    def __init__(self, trials: Iterable[Trial]) -> None:
        self._trials = {trial.number: trial for trial in sorted(trials, key=lambda trial: trial.number)}

    def __iter__(self) -> Iterator[Trial]:
        return iter(self._trials.values())

    def trial(self, number: int) -> Trial | None:
        return self._trials.get(number)

    def counts(self) -> Counter[State]:
        return Counter([trial.state for trial in self])

    def best(self, k: int, direction: Direction) -> list[Trial]:
        sign = -1 if direction == "maximize" else 1
        completed = [trial for trial in self if trial.state == "completed"]
        return heapq.nsmallest(k, completed, lambda trial: (sign * next(iter(trial.metrics.values())), trial.number))

    def failures(self, k: int) -> list[Trial]:
        return [trial for trial in reversed(self._trials.values()) if trial.state == "failed"][:k]

    def weights(self) -> list[EpochWeights]:
        return []

    def plan(self) -> Plan | None:
        return None

    def runs(self) -> list[Run]:
        return []
