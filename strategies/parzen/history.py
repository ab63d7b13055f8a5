"""What a Tree-structured Parzen estimator has observed."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping

import numpy as np

from retiarii.domain import Domain, Sample
from retiarii.strategies.parzen.axes import Axis, axis
from retiarii.strategies.parzen.densities import Array, Density

_ROOM = 64
_MOST_BAD = 1000


class History:
    """Samples that were tried, in order, as rows of numbers; the columns of inactive choices are NaN.

    Args:
        domain: What the samples are of.
    """

    def __init__(self, domain: Domain) -> None:
        self.axes: dict[str, Axis] = {label: axis(choice) for label, choice in domain.choices.items()}
        ends = np.cumsum([each.width for each in self.axes.values()]).tolist()
        self.columns = {
            label: slice(end - each.width, end) for (label, each), end in zip(self.axes.items(), ends, strict=True)
        }
        self.width = ends[-1] if ends else 0
        self._rows = np.empty((_ROOM, self.width))
        self._count = 0
        self._ranking: list[tuple[float, int]] = []

    @property
    def scored(self) -> int:
        """How many samples have a score."""
        return len(self._ranking)

    def add(self, sample: Sample, score: float | None) -> None:
        """Takes note of a canonical sample and its score: larger is better, None is worse than any."""
        if self._count == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        self._rows[self._count] = self.row(sample)
        if score is not None:
            insort(self._ranking, (-score, self._count))
        self._count += 1

    def row(self, sample: Sample) -> list[float]:
        """A sample as numbers."""
        row: list[float] = []
        for label, each in self.axes.items():
            row += each.row(sample[label]) if label in sample else [np.nan] * each.width
        return row

    def sample(self, row: Array) -> Sample:
        """A row without NaN as a sample in which all choices are decided, active or not."""
        return {label: each.value(row[self.columns[label]]) for label, each in self.axes.items()}

    def densities(self, best: int, others: Iterable[Sample]) -> Mapping[str, tuple[Density, Density]]:
        """For each choice the density of its values in the best samples, and the one in the 1,000 newest of the rest.

        Args:
            best: How many are good.
            others: Samples that count as bad ones, too; newer than those here.
        """
        good = sorted([place for _, place in self._ranking[:best]])
        is_bad = np.ones(self._count, dtype=bool)
        is_bad[good] = False
        older = self._rows[np.flatnonzero(is_bad)[-_MOST_BAD:]]
        newer = np.array([self.row(sample) for sample in others]).reshape(-1, self.width)
        best_rows, other_rows = self._rows[good], np.concatenate([older, newer])
        return {label: (self._density(label, best_rows), self._density(label, other_rows)) for label in self.axes}

    def _density(self, label: str, rows: Array) -> Density:
        """That of the values of a choice where it was active."""
        observed = rows[:, self.columns[label]]
        return self.axes[label].density(observed[~np.isnan(observed[:, 0])])
