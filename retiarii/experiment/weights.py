"""The architecture weights of a supernet over time, as plain data."""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from retiarii.domain.value import frozen, identity
from retiarii.errors import ExperimentError


@dataclass(frozen=True, slots=True)
class EpochWeights:
    """How much each candidate counted after an epoch of a supernet's training."""

    epoch: int
    """Counts from 0."""

    weights: Mapping[str, Mapping[Any, float]]
    """Label -> candidate -> weight, such as a probability: `{"op": {"conv": 0.9, "skip": 0.1}}`."""

    @classmethod
    def of(cls, epoch: int, weights: Mapping[str, Mapping[Any, Any]]) -> Self:
        """Those that a strategy gives, as plain numbers.

        Raises:
            ExperimentError: the epoch is no number from 0, a candidate no JSON value, or a weight no finite number.
        """
        if not isinstance(epoch, int) or isinstance(epoch, bool) or epoch < 0:
            raise ExperimentError(f"architecture weights were recorded for epoch {epoch!r}; epochs count from 0")
        plain = {
            label: {_checked(label, key): _number(epoch, label, key, weight) for key, weight in row.items()}
            for label, row in weights.items()
        }
        return cls(epoch, plain)

    def to_json(self) -> str:
        """The weights without the epoch. Candidates are JSON values, not names, so each comes with its weight."""
        return json.dumps({label: [*row.items()] for label, row in self.weights.items()}, allow_nan=False)

    @classmethod
    def from_json(cls, epoch: int, text: str) -> Self:
        rows: dict[str, list[tuple[Any, float]]] = json.loads(text)
        return cls(epoch, {label: {_plain(key): weight for key, weight in row} for label, row in rows.items()})


def _plain(candidate: Any) -> Hashable:
    key: Hashable = frozen(candidate)
    return key


def _checked(label: str, candidate: Any) -> Hashable:
    key = _plain(candidate)
    try:
        identity(key)
    except TypeError as error:
        raise ExperimentError(f"an architecture weight of {label!r} was recorded for a candidate: {error}") from error
    return key


def _number(epoch: int, label: str, candidate: object, weight: Any) -> float:
    try:
        number = float(weight)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ExperimentError(
            f"the architecture weight of {candidate!r} of {label!r} after epoch {epoch} is {reprlib.repr(weight)}; "
            "expected a finite number: if the training diverged, try a lower learning rate"
        )
    return number
