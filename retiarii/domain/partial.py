"""A constraint on a part of a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retiarii.domain.constraint import Constraint
from retiarii.domain.value import Sample, Value


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Partial(Constraint):
    """A constraint that sees some labels of each sample, as it is about a space whose choices were joined by others."""

    rule: Constraint
    own: frozenset[str]

    @property
    def description(self) -> str:
        return self.rule.description

    @property
    def mark(self) -> str:
        return self.rule.mark

    def holds(self, sample: Mapping[str, Value]) -> bool:
        return self.rule.holds(self._part(sample))

    def which_hold(self, samples: Sequence[Sample]) -> NDArray[np.bool_]:
        return self.rule.which_hold([self._part(sample) for sample in samples])

    def distances(self, samples: Sequence[Sample]) -> NDArray[np.float64]:
        return self.rule.distances([self._part(sample) for sample in samples])

    def finding(self, sample: Sample) -> str:
        return self.rule.finding(self._part(sample))

    @property
    def labels(self) -> tuple[str, ...]:
        return self.rule.labels

    def _part(self, sample: Mapping[str, Value]) -> Sample:
        return {label: value for label, value in sample.items() if label in self.own}

    def __str__(self) -> str:
        return str(self.rule)
