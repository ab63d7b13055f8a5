"""A number of a range."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from retiarii.domain.checks import check_label, is_integer, wrong_value
from retiarii.domain.shares import index_at
from retiarii.domain.value import Value, frozen
from retiarii.errors import DomainError

_HALF = 0.5
_MOST_OTHERS = 64
_STEPS = (1 / 256, 1 / 64, 1 / 16, 1 / 4)


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
    _scale: tuple[float, float] = field(init=False, repr=False, compare=False)
    _steps: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_label(self.label)
        for name in ("low", "high"):
            object.__setattr__(self, name, self._bound(name, frozen(getattr(self, name))))
        if self.low > self.high or (self.low == self.high and not self.integer):
            raise DomainError(f"choice {self.label!r} goes from low={self.low} to high={self.high}; give low < high")
        if self.log and self.low <= 0:
            raise DomainError(f"choice {self.label!r} is logarithmic with low={self.low}; give low > 0 or log=False")
        margin = _HALF if self.integer else 0.0
        ends = (math.log(self.low - margin), math.log(self.high + margin)) if self.log else (self.low, self.high)
        object.__setattr__(self, "_scale", ends)
        steps = [sign * share * ends[1] - sign * share * ends[0] for share in _STEPS for sign in (-1, 1)]
        object.__setattr__(self, "_steps", tuple(map(math.exp, steps)) if self.log else tuple(steps))

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

    def nth(self, index: int) -> int:
        """Value number `index` of `values()`; for integers only."""
        return int(self.low) + index

    def at(self, share: float) -> float:
        """The value for a number from [0, 1), which makes a uniform number a random value.

        Of more than 2**53 integers, 2**53 can be reached, spread over all of them; see `index_at`.
        """
        low, high = self._scale
        if self.log:
            value = math.exp(low * (1 - share) + high * share)
            return self._clipped(round(value) if self.integer else value)
        if self.integer:
            return self.nth(index_at(share, int(self.size)))
        return self._clipped(low * (1 - share) + high * share)

    def random(self, rng: np.random.Generator) -> float:
        """A value, uniformly (on a logarithmic scale if `log`)."""
        return self.at(rng.random())

    def other_at(self, value: Value, share: float) -> float:
        """The same as `at` for all values but `value`, which is one of several."""
        own = cast(float, value)
        if self.integer and not self.log:
            index = index_at(share, int(self.size) - 1)
            return self.nth(index + (index >= own - self.low))
        if self.integer:
            start, end = self._share(own - _HALF), self._share(own + _HALF)
            share *= 1 - (end - start)
            share += (end - start) * (share >= start)
        other = self.at(share)
        if other != own:
            return other
        if self.integer:
            return self.nth(int(own - self.low) + (1 if own < self.high else -1))
        return self.high if own == self.low else self.low

    def others(self, value: Value) -> Iterator[Value]:
        """All integers but `value`, ascending; if there are more than 64, or without `integer`, up to ten near it.

        These are 1/256, 1/64, 1/16 and 1/4 of the range away (on a logarithmic scale if `log`), or at its end if that
        is nearer, on both sides; and the next integers.
        """
        own = cast(float, value)
        if self.integer and self.size <= _MOST_OTHERS + 1:
            return (other for other in self.values() if other != own)
        clipped = self._clipped
        near = [own * step for step in self._steps] if self.log else [own + step for step in self._steps]
        if self.integer:
            near = [own - 1, own + 1, *map(round, near)]
        return iter(sorted({clipped(other) for other in near} - {own}))

    def _share(self, value: float) -> float:
        low, high = self._scale
        return (math.log(value) - low) / (high - low)

    def _clipped(self, value: float) -> float:
        if value < self.low:
            return self.low
        return self.high if value > self.high else value

    def check(self, value: Value) -> float:
        """`value` as the domain writes it (a float, or an int if `integer`); `SampleError` if it is not allowed."""
        plain = frozen(value)
        if not isinstance(plain, int if self.integer else int | float) or isinstance(plain, bool):
            raise wrong_value(self.label, value, self.expected)
        if not self.low <= plain <= self.high:
            raise wrong_value(self.label, value, self.expected)
        return plain if self.integer else float(plain)
