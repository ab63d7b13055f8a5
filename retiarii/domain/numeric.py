"""A number of a range."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from retiarii.domain.checks import check_label, is_integer, wrong_value
from retiarii.domain.value import Value, frozen
from retiarii.errors import DomainError


@dataclass(frozen=True, slots=True)
class Numeric:
    """A number from `low` to `high`, both included; the default is the middle (the geometric one if `log`).

    Random values are uniform, on a logarithmic scale if `log`.

    Raises:
        DomainError: The bounds are not finite numbers with `low < high` (integers may be equal), an integer bound is
            no 64-bit integer, or `low <= 0` with `log`.
    """

    label: str
    low: float
    high: float
    integer: bool = False
    log: bool = False

    def __post_init__(self) -> None:
        check_label(self.label)
        for name in ("low", "high"):
            object.__setattr__(self, name, self._bound(name, frozen(getattr(self, name))))
        if self.low > self.high or (self.low == self.high and not self.integer):
            raise DomainError(f"choice {self.label!r} goes from low={self.low} to high={self.high}; give low < high")
        if self.log and self.low <= 0:
            raise DomainError(f"choice {self.label!r} is logarithmic with low={self.low}; give low > 0 or log=False")

    def _bound(self, name: str, bound: Value) -> float:
        if self.integer and not (is_integer(bound) and abs(bound) < 2**63):
            raise DomainError(f"choice {self.label!r} has {name}={bound!r}; an integer choice needs 64-bit integers")
        if not isinstance(bound, int | float) or isinstance(bound, bool) or not math.isfinite(bound):
            raise DomainError(f"choice {self.label!r} has {name}={bound!r}; give a finite number")
        return bound if self.integer else float(bound)

    @property
    def default(self) -> float:
        if self.integer:
            low, high = int(self.low), int(self.high)
            return math.isqrt(low * high) if self.log else (low + high) // 2
        return math.sqrt(self.low) * math.sqrt(self.high) if self.log else self.low / 2 + self.high / 2

    @property
    def size(self) -> float:
        """The number of values: `math.inf` unless `integer`."""
        return int(self.high) - int(self.low) + 1 if self.integer else math.inf

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        return f"{'an integer' if self.integer else 'a number'} from {self.low} to {self.high}"

    def values(self) -> Iterator[Value]:
        """All values, ascending; `DomainError` unless `integer`."""
        if not self.integer:
            raise DomainError(
                f"choice {self.label!r} is continuous, so its values cannot be listed; use randint or a list of values"
            )
        return iter(range(int(self.low), int(self.high) + 1))

    def random(self, rng: np.random.Generator) -> float:
        """A value, uniformly (on a logarithmic scale if `log`)."""
        if self.integer and not self.log:
            return int(rng.integers(int(self.low), int(self.high), endpoint=True))
        share = rng.random()
        if not self.log:
            return self._clipped(self.low * (1 - share) + self.high * share)
        margin = 0.5 if self.integer else 0.0
        low, high = math.log(self.low - margin), math.log(self.high + margin)
        value = math.exp(low * (1 - share) + high * share)
        return self._clipped(round(value) if self.integer else value)

    def _clipped(self, value: float) -> float:
        return min(max(value, self.low), self.high)

    def check(self, value: Value) -> float:
        """`value` as the domain writes it (a float, or an int if `integer`); `SampleError` if it is not allowed."""
        plain = frozen(value)
        if not isinstance(plain, int if self.integer else int | float) or isinstance(plain, bool):
            raise wrong_value(self.label, value, self.expected)
        if not self.low <= plain <= self.high:
            raise wrong_value(self.label, value, self.expected)
        return plain if self.integer else float(plain)
