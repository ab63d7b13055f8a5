"""Densities of one choice's values, fitted to observed ones with the estimators of hyperopt.

Values are rows of numbers here: see `axes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from hyperopt.pyll.stochastic import categorical
from hyperopt.tpe import (
    DEFAULT_LF,
    GMM1,
    GMM1_lpdf,
    adaptive_parzen_normal,
    linear_forgetting_weights,
    normal_cdf,
    tpe_cat_pseudocounts,
)
from numpy.typing import NDArray

Array = NDArray[np.float64]

# hyperopt's default: what is known without observations counts as much as one of each outcome.
_PRIOR_WEIGHT = 1.0
_LEAST_RATE = 1e-9


class Density(Protocol):
    """How likely the values of a choice are."""

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """Values, of shape `(count, width)`."""

    def log(self, values: Array) -> Array:
        """The logarithm of the density at values of shape `(count, width)`: shape `(count,)`."""


def shares(observed: NDArray[np.intp], prior: Array) -> Array:
    """The probability of each of some outcomes: hyperopt's smoothed counts, of which old ones count less.

    Args:
        observed: Positions of outcomes, the oldest first.
        prior: The probability of each outcome where nothing was observed.
    """
    counts = np.bincount(observed, linear_forgetting_weights(len(observed), DEFAULT_LF), len(prior))
    result: Array = tpe_cat_pseudocounts(counts, _PRIOR_WEIGHT, prior, (1,))
    return result


@dataclass(frozen=True)
class Frequencies:
    """One of some values, each with its probability. Values are positions."""

    shares: Array

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        return _drawn(self.shares, count, rng).astype(float)[:, np.newaxis]

    def log(self, values: Array) -> Array:
        result: Array = np.log(self.shares)[values[:, 0].astype(np.intp)]
        return result


class Mixture:
    """Numbers from 0 to 1: hyperopt's adaptive Parzen estimator, a mixture of normal densities that are cut off.

    Args:
        observed: Numbers from 0 to 1, the oldest first, which counts least; shape `(count,)`.
    """

    def __init__(self, observed: Array) -> None:
        self._components = adaptive_parzen_normal(observed, _PRIOR_WEIGHT, 0.5, 1.0)

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        found = np.empty(0)
        while len(found) < count:
            # Given bounds, it would draw one number after the other.
            drawn = GMM1(*self._components, rng=rng, size=2 * count)
            found = np.concatenate([found, drawn[(drawn >= 0) & (drawn <= 1)]])
        return found[:count, np.newaxis]

    def log(self, values: Array) -> Array:
        result: Array = GMM1_lpdf(values[:, 0], *self._components, low=0.0, high=1.0)
        return result

    def log_between(self, low: Array, high: Array) -> Array:
        """The logarithm of the probability of each of some ranges."""
        weights, means, deviations = self._components
        edges = np.stack([np.zeros_like(low), np.ones_like(low), low, high])[..., np.newaxis]
        bottom, top, left, right = normal_cdf(edges, means, deviations) @ weights
        result: Array = np.log(right - left) - np.log(top - bottom)
        return result


class Inclusions:
    """Subsets: first a size, then which, each index with odds of its own. Values are rows of 0 and 1.

    Given the size, this is the conditional Bernoulli distribution (Chen, Dempster and Liu, 1994).

    Args:
        observed: Rows of 0 and 1, the oldest first.
        sizes: The probability of each size where nothing was observed, from 0 on.
    """

    def __init__(self, observed: Array, sizes: Array) -> None:
        width = observed.shape[1]
        chosen = observed.astype(np.intp)
        self._sizes = shares(chosen.sum(1), sizes)
        rate = float(sizes @ np.arange(width + 1)) / width
        rates = np.array([shares(column, np.array([1 - rate, rate]))[1] for column in chosen.T])
        rates = rates.clip(_LEAST_RATE, 1 - _LEAST_RATE)
        self._odds: Array = np.log(rates) - np.log1p(-rates)

    @cached_property
    def _totals(self) -> Array:
        """At `[index, size]`: the logarithm of the summed odds of all subsets of `size` indices from `index` on."""
        width = len(self._odds)
        totals = np.full((width + 1, width + 1), -np.inf)
        totals[:, 0] = 0.0
        for index in reversed(range(width)):
            totals[index, 1:] = np.logaddexp(totals[index + 1, 1:], totals[index + 1, :-1] + self._odds[index])
        return totals

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        width = len(self._odds)
        left = _drawn(self._sizes, count, rng)
        chosen = np.zeros((count, width))
        for index, share in enumerate(rng.random((width, count))):
            within = self._odds[index] + self._totals[index + 1, left - 1] - self._totals[index, left]
            taken = (left > 0) & ((share < np.exp(within)) | (left == width - index))
            chosen[:, index] = taken
            left = left - taken
        return chosen

    def log(self, values: Array) -> Array:
        sizes = values.sum(1).astype(np.intp)
        result: Array = np.log(self._sizes[sizes]) + values @ self._odds - self._totals[0, sizes]
        return result


def _drawn(probabilities: Array, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    positions: NDArray[np.intp] = categorical(probabilities, rng=rng, size=count)
    return positions
