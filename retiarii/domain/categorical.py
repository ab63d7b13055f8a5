"""One of some values."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

import numpy as np

from retiarii.domain.checks import check_label, wrong_value
from retiarii.domain.value import Value, frozen, identity
from retiarii.errors import DomainError

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Categorical:
    """One of some distinct values; the default is the first.

    `1`, `1.0` and `True` are different values; a list is the same value as a tuple, and is kept as a tuple.

    Raises:
        DomainError: There are no candidates, one is there twice, or one is not a JSON value.
    """

    label: str
    candidates: tuple[Value, ...] = field(compare=False)
    _positions: dict[Hashable, int] = field(init=False, repr=False, compare=False)
    _identities: tuple[Hashable, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_label(self.label)
        candidates = tuple([frozen(candidate) for candidate in self.candidates])
        positions: dict[Hashable, int] = {}
        for position, candidate in enumerate(candidates):
            key = self._identity(candidate)
            if key in positions:
                raise DomainError(f"choice {self.label!r} has the candidate {candidate!r} twice; remove one")
            positions[key] = position
        if not candidates:
            raise DomainError(f"choice {self.label!r} has no candidates; give at least one")
        object.__setattr__(self, "candidates", candidates)
        object.__setattr__(self, "_positions", positions)
        object.__setattr__(self, "_identities", tuple(positions))

    def _identity(self, candidate: Value) -> Hashable:
        try:
            return identity(candidate)
        except TypeError as error:
            raise DomainError(
                f"choice {self.label!r}: {error}; use numbers, strings, booleans, None or lists and dicts of these, "
                "and names of classes and functions, looked up where these are used"
            ) from error

    @property
    def default(self) -> Value:
        return self.candidates[0]

    @property
    def size(self) -> int:
        return len(self.candidates)

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        shown = ", ".join([repr(candidate) for candidate in self.candidates[:_SHOWN]])
        rest = self.size - _SHOWN
        return f"one of {shown}" + (f" and {rest} more" if rest > 0 else "")

    def values(self) -> Iterator[Value]:
        """All values, the default first."""
        return iter(self.candidates)

    def nth(self, index: int) -> Value:
        """Value number `index` of `values()`."""
        return self.candidates[index]

    def at(self, share: float) -> Value:
        """The value for a number from [0, 1), which makes a uniform number a uniform value."""
        candidates = self.candidates
        return candidates[int(share * len(candidates))]

    def random(self, rng: np.random.Generator) -> Value:
        """A value, uniformly."""
        return self.at(rng.random())

    def other_at(self, value: Value, share: float) -> Value:
        """The same as `at` for all values but `value`, which is one of several."""
        position = int(share * (len(self.candidates) - 1))
        return self.candidates[position + (position >= self._positions[identity(value)])]

    def others(self, value: Value) -> Iterator[Value]:
        """All values but `value`."""
        position = self._positions[identity(value)]
        return iter(self.candidates[:position] + self.candidates[position + 1 :])

    def check(self, value: Value) -> Value:
        """The candidate that is the same JSON value as `value`; `SampleError` if there is none."""
        try:
            position = self._positions.get(identity(frozen(value)))
        except TypeError:
            position = None
        if position is None:
            raise wrong_value(self.label, value, self.expected)
        return self.candidates[position]
