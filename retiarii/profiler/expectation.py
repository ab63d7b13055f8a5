"""What models cost on average, where every label is decided by itself: a polynomial of the labels' probabilities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from retiarii.profiler.columns import Ids

Reals = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Averages over the values of one label each, all of which can be computed at once.

    Attributes:
        probabilities: places of the probabilities that count, of shape (averages, values).
        numbers: places of the numbers that are weighed with them, of the same shape.
    """

    probabilities: Ids
    numbers: Ids


@dataclass(frozen=True, slots=True, eq=False)
class Expectation:
    """The average of a cost over samples whose labels are decided independently of one another.

    It is exact. Labels that a sample leaves open count as if they were decided, which makes no difference, and
    constraints of the space are left aside.

    With `p` the probabilities of all labels, in order, and a 0 behind them, and `v` beginning as `leaves`, each layer
    appends `(p[layer.probabilities] * v[layer.numbers]).sum(1)` to `v`; then `v[ends] @ counts` is the average. All of
    it can be differentiated.

    Attributes:
        values: those of each label that the cost depends on, in the order of their probabilities; lists are tuples.
        leaves: the numbers to start from.
        layers: what follows from those.
        ends: places of the numbers that add up to the average.
        counts: how often each of them counts.
    """

    values: Mapping[str, tuple[Any, ...]]
    leaves: Reals
    layers: tuple[Layer, ...]
    ends: Ids
    counts: Reals

    def __call__(self, probabilities: Mapping[str, Iterable[float]]) -> float:
        """The average cost.

        Args:
            probabilities: for each of the labels, at least, one for each of its values.
        """
        given = [np.asarray(probabilities[label], np.float64) for label in self.values]
        p = np.concatenate([*given, np.zeros(1)])
        v = self.leaves
        for layer in self.layers:
            v = np.concatenate([v, (p[layer.probabilities] * v[layer.numbers]).sum(1)])
        return float(v[self.ends] @ self.counts)
