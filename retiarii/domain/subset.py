"""Some of a number of candidates."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate, chain, combinations

import numpy as np

from retiarii.domain.checks import check_label, is_integer, wrong_value
from retiarii.domain.value import Value, frozen
from retiarii.errors import DomainError


@dataclass(frozen=True, slots=True, init=False)
class Subset:
    """`minimum` to `maximum` (default: all) of the indices `0 .. n_candidates - 1`; a value is a sorted list.

    The default is the first `maximum` indices.

    Raises:
        DomainError: Not `0 <= minimum <= maximum <= n_candidates`, or `n_candidates` is 0.
    """

    label: str
    n_candidates: int
    minimum: int
    maximum: int
    _cumulative: tuple[float, ...] = field(repr=False, compare=False)

    def __init__(self, label: str, n_candidates: int, minimum: int = 0, maximum: int | None = None) -> None:
        check_label(label)
        maximum = n_candidates if maximum is None else maximum
        for number in (n_candidates, minimum, maximum):
            if not is_integer(number):
                raise DomainError(f"choice {label!r} counts with integers, not {number!r} ({type(number).__name__})")
        if n_candidates < 1:
            raise DomainError(f"choice {label!r} has {n_candidates} candidates; give at least one")
        if not 0 <= minimum <= maximum <= n_candidates:
            raise DomainError(
                f"choice {label!r} wants {minimum} to {maximum} of {n_candidates} candidates; "
                f"give 0 <= minimum <= maximum <= {n_candidates}"
            )
        for name, number in (("n_candidates", n_candidates), ("minimum", minimum), ("maximum", maximum)):
            object.__setattr__(self, name, int(number))
        object.__setattr__(self, "label", label)
        counts = list(accumulate([math.comb(n_candidates, chosen) for chosen in range(minimum, maximum + 1)]))
        object.__setattr__(self, "_cumulative", tuple([count / counts[-1] for count in counts]))

    @property
    def default(self) -> list[int]:
        return list(range(self.maximum))

    @property
    def size(self) -> int:
        return sum([math.comb(self.n_candidates, chosen) for chosen in range(self.minimum, self.maximum + 1)])

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        return f"a list of {self.minimum} to {self.maximum} distinct indices from 0 to {self.n_candidates - 1}"

    def values(self) -> Iterator[Value]:
        """All values, the shortest first."""
        sizes = range(self.minimum, self.maximum + 1)
        return map(list, chain.from_iterable(combinations(range(self.n_candidates), chosen) for chosen in sizes))

    def random(self, rng: np.random.Generator) -> list[int]:
        """A value, uniformly over all allowed subsets."""
        chosen = self.minimum + bisect(self._cumulative, rng.random())
        indices: list[int] = rng.permutation(self.n_candidates)[:chosen].tolist()
        return sorted(indices)

    def check(self, value: Value) -> list[int]:
        """`value` sorted; `SampleError` if it is not an allowed subset."""
        plain = frozen(value)
        if not isinstance(plain, tuple) or not all(is_integer(index) for index in plain):
            raise wrong_value(self.label, value, self.expected)
        distinct = sorted(set(plain))
        inside = not distinct or (distinct[0] >= 0 and distinct[-1] < self.n_candidates)
        if len(distinct) != len(plain) or not inside or not self.minimum <= len(plain) <= self.maximum:
            raise wrong_value(self.label, value, self.expected)
        return distinct
