"""What is measured: trials of next to no work, and what they take of all processes together."""

from __future__ import annotations

import os
import resource
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import psutil

from retiarii.domain import Categorical, Domain, Sample

CHOICES, CANDIDATES = 12, 4
WORKERS = 2


class Table:
    """A space without models, for evaluators that take the sample: 12 choices of 4."""

    def __init__(self) -> None:
        self.domain = Domain([Categorical(label, tuple(range(CANDIDATES))) for label in labels()])

    @property
    def graph(self) -> Any:
        """It has none."""
        raise NotImplementedError

    def freeze(self, sample: Sample, /) -> Any:
        """It has no models."""
        raise NotImplementedError


def no_op(sample: Mapping[str, Any]) -> float:
    """An evaluation of next to no work."""
    return float(sample["choice0"])


def labels() -> list[str]:
    """Of all choices."""
    return [f"choice{index}" for index in range(CHOICES)]


def samples(count: int) -> list[dict[str, Any]]:
    """Always the same ones."""
    values = np.random.default_rng(0).integers(CANDIDATES, size=(count, CHOICES)).tolist()
    return [dict(zip(labels(), row, strict=True)) for row in values]


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds: `cpu` of this process and all that descend from it, and `wall`."""

    cpu: float
    wall: float

    @classmethod
    def before(cls) -> Self:
        """Up to now, where what follows is measured."""
        others = _of_children()
        return cls(others + time.process_time(), time.perf_counter())

    @classmethod
    def after(cls) -> Self:
        """Up to now, where what went before is measured."""
        wall, own = time.perf_counter(), time.process_time()
        return cls(own + _of_children(), wall)

    def since(self, begin: Self, trials: int = 1) -> Spent:
        """What was spent since then, for each trial."""
        return Spent((self.cpu - begin.cpu) / trials, (self.wall - begin.wall) / trials)


class Subject(ABC):
    """Something that runs trials.

    Args:
        name: Of it.
        trials: How many are run for one measurement.
    """

    def __init__(self, name: str, trials: int) -> None:
        self.name, self.trials = name, trials
        self.taken: list[Spent] = []

    @abstractmethod
    def open(self) -> None:
        """Starts what runs trials."""

    @abstractmethod
    def run(self, samples: Sequence[Sample]) -> None:
        """Runs a trial of each sample, to the last."""

    @abstractmethod
    def close(self) -> None:
        """Ends what was started."""

    def measure(self) -> None:
        """Runs some trials, and notes what each took on average."""
        given = self.prepared(samples(self.trials))
        begin = Spent.before()
        self.run(given)
        self.taken.append(Spent.after().since(begin, self.trials))

    def prepared(self, samples: Sequence[Sample]) -> Sequence[Any]:
        """What `run` is given, made before the clock starts."""
        return samples


def _of_children() -> float:
    """CPU seconds of all descendants, of those that have ended, too."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = [_of_process(child.pid) for child in psutil.Process().children(recursive=True)]
    return ended.ru_utime + ended.ru_stime + sum(running)


def _of_process(process: int) -> float:
    """CPU seconds of a process, by the clock that Linux has for it, which is finer than what /proc says."""
    try:
        return time.clock_gettime(~process << 3 | 2)
    except OSError:  # it has ended in between
        return 0.0


def load() -> float:
    """How busy the machine was within the last minute, in processes."""
    return round(os.getloadavg()[0], 2)
