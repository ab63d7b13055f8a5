"""Which samples keep all constraints, and what was found of those that do not."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from retiarii.domain.constraint import Constraint
from retiarii.domain.value import Sample
from retiarii.errors import ConstraintError

MOST_TRIES = 10_000
"""As many samples are drawn at most until one is found that keeps the constraints."""

_LARGEST_BATCH = 1024
_GROWTH = 2
_in_progress: ContextVar[tuple[Constraint, ...]] = ContextVar("in_progress", default=())


@contextmanager
def _progress(constraint: Constraint) -> Iterator[None]:
    token = _in_progress.set((*_in_progress.get(), constraint))
    try:
        yield
    finally:
        _in_progress.reset(token)


def broken(constraints: Iterable[Constraint], sample: Sample) -> Constraint | None:
    """The first constraint that a sample breaks, if any.

    One that is being checked further up is left out: a predicate may build the model that it is about.
    """
    above = _in_progress.get()
    for constraint in constraints:
        if any(constraint is other for other in above):
            continue
        with _progress(constraint):
            if not constraint.holds(sample):
                return constraint
    return None


def distances(constraints: Iterable[Constraint], sample: Sample) -> NDArray[np.float64]:
    """How far a sample is from keeping each constraint; 0 for one that is being checked further up."""
    above = _in_progress.get()
    result = []
    for constraint in constraints:
        if any(constraint is other for other in above):
            result.append(0.0)
            continue
        with _progress(constraint):
            result.append(float(constraint.distances([sample])[0]))
    return np.array(result, dtype=np.float64)


@dataclass(slots=True)
class _Refusals:
    """What one constraint refused."""

    count: int = 0
    distance: float = math.inf
    nearest: Sample | None = None
    number: int = 0

    def add(self, samples: Sequence[Sample], distances: NDArray[np.float64], numbers: NDArray[np.intp]) -> None:
        """Takes note of refused samples."""
        self.count += len(samples)
        place = int(np.argmin(distances))
        if distances[place] < self.distance:
            self.distance, self.nearest, self.number = distances[place], samples[place], int(numbers[place])


class Sieve:
    """Lets samples pass that keep all constraints, and counts.

    Attributes:
        tried: How many samples it has seen.
    """

    def __init__(self, constraints: Sequence[Constraint]) -> None:
        self.tried = 0
        self._refusals = [(constraint, _Refusals()) for constraint in constraints]

    def passing(self, samples: Sequence[Sample], first: int = 0) -> list[Sample]:
        """The samples that keep all constraints from number `first` on; the others are asked about no more of them."""
        above = _in_progress.get()
        left = list(samples)
        numbers = self.tried + 1 + np.arange(len(samples))
        self.tried += len(samples)
        for constraint, refusals in self._refusals[first:]:
            if not left or any(constraint is other for other in above):
                continue
            with _progress(constraint):
                distances = constraint.distances(left)
            refused = distances != 0
            if refused.any():
                refusals.add(list(compress(left, refused)), distances[refused], numbers[refused])
                left, numbers = list(compress(left, ~refused)), numbers[~refused]
        return left

    def refuses(self, sample: Sample, number: int) -> bool:
        """Whether a sample, of which enough is decided, breaks constraint `number`."""
        constraint, refusals = self._refusals[number]
        if constraint.holds(sample):
            return False
        self.tried += 1
        refusals.add([dict(sample)], constraint.distances([sample]), np.array([self.tried]))
        return True

    def error(self, beginning: str) -> ConstraintError:
        """Nothing has passed: `beginning`, and what each constraint refused."""
        refused = [(constraint, refusals) for constraint, refusals in self._refusals if refusals.count]
        parts = [beginning]
        for constraint, refusals in refused:
            nearest = _nearest(constraint, refusals)
            if len(refused) > 1:
                parts.append(f"{constraint} refused {refusals.count:,}{': ' * bool(nearest)}{nearest}")
            elif nearest:
                parts.append(nearest)
        return ConstraintError("; ".join([*parts, "loosen a constraint, or widen the choices"]))

    @property
    def named(self) -> str:
        """All constraints, in words."""
        return " and ".join([str(constraint) for constraint, _ in self._refusals])


def _nearest(constraint: Constraint, refusals: _Refusals) -> str:
    if refusals.nearest is None:
        return ""
    with _progress(constraint):
        return f"in the nearest, try {refusals.number:,}, {constraint.finding(refusals.nearest)}"


def batch_sizes() -> Iterator[int]:
    """How many samples to check together: few, then ever more, so that neither few nor many refusals cost much."""
    size = 1
    while True:
        yield size
        size = min(size * _GROWTH, _LARGEST_BATCH)


def first_passing(
    draw: Callable[[], Sample], constraints: Sequence[Constraint], most_tries: int = MOST_TRIES
) -> Sample:
    """The first of at most `most_tries` drawn samples that keeps the constraints.

    Raises:
        ConstraintError: None does.
    """
    sieve = Sieve(constraints)
    for batch in batch_sizes():
        found = sieve.passing([draw() for _ in range(min(batch, most_tries - sieve.tried))])
        if found:
            return found[0]
        if sieve.tried == most_tries:
            break
    raise sieve.error(f"no sample within {sieve.named} in {sieve.tried:,} tries")
