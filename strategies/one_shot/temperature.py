"""How the temperature of a softmax falls while a supernet is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from retiarii.errors import ExperimentError


class Temperature(Protocol):
    """A temperature for each epoch: high ones make all candidates alike, low ones take the best one alone."""

    def __call__(self, epoch: int, epochs: int) -> float:
        """The temperature in an epoch, from 0, of so many."""


@dataclass(frozen=True, slots=True)
class Exponential:
    """Is multiplied with the same factor after each epoch.

    Raises:
        ExperimentError: one of the numbers is not above 0.
    """

    start: float
    factor: float

    def __post_init__(self) -> None:
        _check(self, self.start, self.factor)

    def __call__(self, epoch: int, epochs: int) -> float:
        return self.start * self.factor**epoch


@dataclass(frozen=True, slots=True)
class Linear:
    """Goes from its start, in the first epoch, to its end, in the last one, in equal steps.

    Raises:
        ExperimentError: one of the numbers is not above 0.
    """

    start: float
    end: float

    def __post_init__(self) -> None:
        _check(self, self.start, self.end)

    def __call__(self, epoch: int, epochs: int) -> float:
        return self.start + (self.end - self.start) * min(epoch / max(epochs - 1, 1), 1.0)


def _check(temperature: object, *numbers: float) -> None:
    if not all(number > 0 for number in numbers):
        raise ExperimentError(f"{temperature}: give numbers above 0")
