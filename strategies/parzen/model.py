"""Samples by expected improvement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from retiarii.domain import Domain, Sample
from retiarii.strategies.parzen.densities import Array, Density
from retiarii.strategies.parzen.history import History


class Model:
    """The densities of good and of bad samples, each a product over the active choices.

    Args:
        domain: What samples are of; its constraints are left alone.
        history: What the densities were fitted to.
        densities: For each choice that of good and that of bad values.
    """

    def __init__(self, domain: Domain, history: History, densities: Mapping[str, tuple[Density, Density]]) -> None:
        self._domain = domain.unconstrained
        self._history = history
        self._densities = densities

    def best_first(self, count: int, rng: np.random.Generator) -> Iterator[Sample]:
        """Samples drawn from the density of the good ones, those first that promise the largest improvement.

        That is where the ratio of the two densities is largest (Bergstra et al., 2011, equation 5).
        """
        rows = np.empty((count, self._history.width))
        gains = np.empty((count, len(self._densities)))
        for place, (label, (good, bad)) in enumerate(self._densities.items()):
            values = good.draw(count, rng)
            rows[:, self._history.columns[label]] = values
            gains[:, place] = good.log(values) - bad.log(values)
        distinct = np.sort(np.unique(rows, axis=0, return_index=True)[1])
        rows, gains = rows[distinct], gains[distinct]
        if self._domain.conditions:
            return self._active_best_first(rows, gains)
        return (self._history.sample(rows[place]) for place in _descending(gains.sum(1)))

    def _active_best_first(self, rows: Array, gains: Array) -> Iterator[Sample]:
        """The same where choices may be inactive, which count for nothing."""
        samples = [self._domain.canonical(self._history.sample(row)) for row in rows]
        active = np.array([[label in sample for label in self._densities] for sample in samples])
        return (samples[place] for place in _descending(np.where(active, gains, 0.0).sum(1)))


def _descending(gains: Array) -> NDArray[np.intp]:
    return np.argsort(-gains, kind="stable")
