"""Numeric choices as numbers of the range from 0 to 1, on which mixtures of normal densities are fitted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np

from retiarii.domain import Numeric, Value
from retiarii.strategies.parzen.densities import Array, Density, Mixture

# In longer ranges the probability of one integer is too small to come out of a difference.
MOST_COUNTED = 100_000

_LEAST_GROWTH = 1 + 1e-6


class Range:
    """A number as its share of the range: `hp.uniform` or `loguniform` in hyperopt."""

    width = 1

    def __init__(self, choice: Numeric) -> None:
        self._choice = choice
        self._scale = _Scale(choice)

    def row(self, value: Value) -> list[float]:
        number = cast(float, value) - self._scale.base
        return [float(self._scale.shares(np.array([number], dtype=float))[0])]

    def value(self, row: Array) -> Value:
        number = float(self._scale.numbers(row)[0])
        return self._scale.within(round(number) if self._choice.integer else number)

    def density(self, observed: Array) -> Density:
        return Mixture(observed[:, 0])


class Counts:
    """An integer, counted from the lowest: `hp.quniform` or `qloguniform` in hyperopt."""

    width = 1

    def __init__(self, choice: Numeric) -> None:
        self._scale = _Scale(choice)

    def row(self, value: Value) -> list[float]:
        return [cast(int, value) - self._scale.base]

    def value(self, row: Array) -> Value:
        return self._scale.within(int(row[0]))

    def density(self, observed: Array) -> Density:
        return _Rounded(Mixture(self._scale.shares(observed[:, 0])), self._scale)


@dataclass(frozen=True, slots=True)
class _Rounded:
    """A density of integers: of all numbers that are rounded to each."""

    mixture: Mixture
    scale: _Scale

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        return np.clip(np.round(self.scale.numbers(self.mixture.draw(count, rng))), 0, self.scale.last)

    def log(self, values: Array) -> Array:
        distinct, places = np.unique(values[:, 0], return_inverse=True)
        return self.mixture.log_between(self.scale.shares(distinct - 0.5), self.scale.shares(distinct + 0.5))[places]


class _Scale:
    """Numbers as shares of a range. Integers are counted from the lowest, and go half a step beyond both bounds.

    Attributes:
        base: From where numbers are counted.
        last: The highest number.
    """

    def __init__(self, choice: Numeric) -> None:
        self._choice = choice
        self.base = choice.low if choice.integer else 0
        self.last = choice.high - self.base
        margin = 0.5 if choice.integer else 0.0
        ends = choice.low - self.base - margin, self.last + margin
        # A short range is the same on both scales, but for the digits that a logarithm loses.
        self._log = choice.log and choice.high > choice.low * _LEAST_GROWTH
        self._low, self._high = [math.log(self.base + end) for end in ends] if self._log else ends

    def shares(self, numbers: Array) -> Array:
        places = np.log(numbers + self.base) if self._log else numbers
        # Of halves, because the whole range may exceed the largest float.
        shares: Array = (places / 2 - self._low / 2) / (self._high / 2 - self._low / 2)
        return shares

    def numbers(self, shares: Array) -> Array:
        places = np.minimum(self._low * (1 - shares) + self._high * shares, self._high)
        return np.exp(places) - self.base if self._log else places

    def within(self, number: float) -> float:
        """The value that a number stands for, as it is in samples; beyond a bound, the bound."""
        return min(max(number + self.base, self._choice.low), self._choice.high)
