"""What is measured: something that is asked and told, after some number of trials."""

from __future__ import annotations

import gc
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from time import process_time_ns
from typing import Any

CATEGORIES, CANDIDATES, NUMBERS = 10, 4, 2
"""The domain: so many choices of so many candidates, and so many numbers from 0 to 1."""


class Subject(ABC):
    """A search with a number of recorded trials, near which it is kept while it is measured.

    Args:
        name: Of the subject.
        recorded: The number of trials.
        steps: How many steps are measured at a time.
    """

    def __init__(self, name: str, recorded: int, steps: int) -> None:
        self.name, self.recorded, self._steps = name, recorded, steps
        self._now = 0
        self._taken: list[float] = []

    @property
    def taken(self) -> Sequence[float]:
        """Microseconds of CPU time of a step, once for each time it was measured."""
        return self._taken

    @abstractmethod
    def begin(self, recorded: int) -> None:
        """Starts a new search and records trials."""

    @abstractmethod
    def step(self) -> int:
        """Makes one proposal and tells its outcome; the nanoseconds that the search itself took."""

    def measure(self) -> None:
        """Measures some steps, from the number of recorded trials or not far above it."""
        if self._now == 0 or self._now > 1.5 * self.recorded:
            self.begin(self.recorded)
            self._now = self.recorded
        gc.collect()
        gc.disable()
        try:
            taken = sum([self.step() for _ in range(self._steps)])
        finally:
            gc.enable()
        self._now += self._steps
        self._taken.append(taken / self._steps / 1e3)


def labels() -> list[str]:
    """Of all choices, the numbers last."""
    return [f"choice{index}" for index in range(CATEGORIES)] + [f"number{index}" for index in range(NUMBERS)]


def metrics_of(sample: Mapping[str, Any]) -> dict[str, float]:
    """Two that are at odds, both to be maximised."""
    values = [*sample.values()]
    return {"score": float(sum(values)), "thrift": -float(sum([value * value for value in values]))}


def empty_segment() -> float:
    """Nanoseconds between two looks at the clock with nothing between, which every segment measured takes, too."""
    return min(sum([-(process_time_ns() - process_time_ns()) for _ in range(1000)]) / 1000 for _ in range(10))
