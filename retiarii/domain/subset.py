"""Some of a number of candidates."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate, chain, combinations
from typing import cast

import numpy as np

from retiarii.domain.checks import check_label, is_integer, wrong_value
from retiarii.domain.shares import index_at
from retiarii.domain.value import Value, frozen
from retiarii.errors import DomainError

_MOST_OTHERS = 64


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
    _ends: tuple[int, ...] = field(repr=False, compare=False)

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
        counts = [math.comb(n_candidates, chosen) for chosen in range(minimum, maximum + 1)]
        object.__setattr__(self, "_ends", tuple(accumulate(counts)))

    @property
    def default(self) -> list[int]:
        return list(range(self.maximum))

    @property
    def size(self) -> int:
        return self._ends[-1]

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        return f"a list of {self.minimum} to {self.maximum} distinct indices from 0 to {self.n_candidates - 1}"

    def values(self) -> Iterator[Value]:
        """All values, the shortest first."""
        sizes = range(self.minimum, self.maximum + 1)
        return map(list, chain.from_iterable(combinations(range(self.n_candidates), chosen) for chosen in sizes))

    def nth(self, index: int) -> list[int]:
        """Value number `index` of `values()`."""
        place = bisect(self._ends, index)
        before = self._ends[place - 1] if place else 0
        return _combination(self.n_candidates, self.minimum + place, index - before)

    def at(self, share: float) -> list[int]:
        """The value for a number from [0, 1), which makes a uniform number a uniform subset.

        Of more than 2**53 subsets, 2**53 can be reached, spread over all of them; see `index_at`.
        """
        return self.nth(index_at(share, self.size))

    def random(self, rng: np.random.Generator) -> list[int]:
        """A value, uniformly over all allowed subsets."""
        return self.at(rng.random())

    def other_at(self, value: Value, share: float) -> list[int]:
        """The same as `at` for all values but `value`, which is one of several."""
        index = index_at(share, self.size - 1)
        subset, own = self.nth(index), cast("list[int]", value)
        return subset if (len(subset), subset) < (len(own), own) else self.nth(index + 1)

    def others(self, value: Value) -> Iterator[Value]:
        """All values but `value`; if there are more than 64, those with one index more, one less, or one exchanged."""
        own = cast("list[int]", value)
        if self.size <= _MOST_OTHERS + 1:
            return (subset for subset in self.values() if subset != own)
        return self._near(own)

    def _near(self, own: list[int]) -> Iterator[Value]:
        outside = sorted({*range(self.n_candidates)} - {*own})
        without = [[index for index in own if index != gone] for gone in own]
        if len(own) > self.minimum:
            yield from without
        if len(own) < self.maximum:
            yield from (sorted([*own, new]) for new in outside)
        yield from (sorted([*rest, new]) for rest in without for new in outside)

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


def _combination(n_candidates: int, chosen: int, index: int) -> list[int]:
    """Number `index` of the sorted lists of `chosen` of the candidates, in alphabetical order."""
    result: list[int] = []
    candidate, later = 0, n_candidates - 1
    beginning = math.comb(later, chosen - 1) if chosen else 0
    while len(result) < chosen:
        left = chosen - len(result)
        if index < beginning:
            result.append(candidate)
            beginning = beginning * (left - 1) // max(later, 1)
        else:
            index -= beginning
            beginning = beginning * (later - left + 1) // later
        candidate, later = candidate + 1, later - 1
    return result
