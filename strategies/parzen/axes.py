"""Choices as rows of numbers, and the densities that fit their values."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Protocol, cast

import numpy as np

from retiarii.domain import Categorical, Choice, Subset, Value
from retiarii.domain.value import identity
from retiarii.strategies.parzen.densities import Array, Density, Frequencies, Inclusions, shares
from retiarii.strategies.parzen.numbers import MOST_COUNTED, Counts, Range


class Axis(Protocol):
    """The values of one choice as rows of `width` numbers."""

    @property
    def width(self) -> int: ...

    def row(self, value: Value) -> list[float]:
        """An allowed value as numbers."""

    def value(self, row: Array) -> Value:
        """The value of a row, as a canonical sample has it."""

    def density(self, observed: Array) -> Density:
        """That of observed rows, the oldest first, which count least."""


def axis(choice: Choice) -> Axis:
    """The axis of a choice."""
    if isinstance(choice, Categorical):
        return Positions(choice)
    if isinstance(choice, Subset):
        return Indices(choice)
    return Counts(choice) if choice.size <= MOST_COUNTED else Range(choice)


class Positions:
    """A categorical choice: the position among the candidates, `hp.choice` in hyperopt."""

    width = 1

    def __init__(self, choice: Categorical) -> None:
        self._choice = choice
        self._positions: dict[Hashable, int] = {
            identity(candidate): position for position, candidate in enumerate(choice.candidates)
        }
        self._prior = np.full(choice.size, 1 / choice.size)

    def row(self, value: Value) -> list[float]:
        return [self._positions[identity(value)]]

    def value(self, row: Array) -> Value:
        return self._choice.candidates[int(row[0])]

    def density(self, observed: Array) -> Density:
        return Frequencies(shares(observed[:, 0].astype(np.intp), self._prior))


class Indices:
    """A subset: for each index whether it is in, 0 or 1. hyperopt has no such choice, but what its density needs."""

    def __init__(self, choice: Subset) -> None:
        self.width = choice.n_candidates
        self._prior = np.zeros(self.width + 1)
        for size in range(choice.minimum, choice.maximum + 1):
            self._prior[size] = math.comb(self.width, size) / choice.size

    def row(self, value: Value) -> list[float]:
        row = [0.0] * self.width
        for index in cast(list[int], value):
            row[index] = 1.0
        return row

    def value(self, row: Array) -> Value:
        return np.flatnonzero(row).tolist()

    def density(self, observed: Array) -> Density:
        return Inclusions(observed, self._prior)
