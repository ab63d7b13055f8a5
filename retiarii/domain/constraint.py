"""What a sample must keep beside being well formed: limits on costs, predicates, and rules of one's own."""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from retiarii.domain.naming import in_words, mark
from retiarii.domain.value import Sample, Value
from retiarii.errors import ChoiceUsedAsValueError, ConstraintError, DomainError, ProfileError


class Cost(Protocol):
    """A number for each sample, and always the same one for the same sample."""

    @property
    def name(self) -> str: ...

    def __call__(self, samples: list[Sample], /) -> Any: ...


class Constraint(ABC):
    """A rule about whole samples. Subclass it and write `description` and `holds`.

    Constraints are immutable, and equal if they are of one class and have one description. None is True or False, so
    `low <= cost <= high`, which Python takes for two constraints joined by "and", is refused.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def description(self) -> str:
        """The rule in words. A search may go on only while it stays the same."""

    @property
    def mark(self) -> str:
        """What must stay the same, too, if the words don't tell all; see `retiarii.domain.naming.mark`."""
        return ""

    @abstractmethod
    def holds(self, sample: Mapping[str, Value]) -> bool:
        """Whether a canonical sample keeps the rule."""

    def which_hold(self, samples: Sequence[Sample]) -> NDArray[np.bool_]:
        """Which of the canonical samples keep the rule: an array of shape `(len(samples),)`."""
        return np.array([self.holds(sample) for sample in samples], dtype=bool)

    def distances(self, samples: Sequence[Sample]) -> NDArray[np.float64]:
        """How far each sample is from keeping the rule: 0 where it does, infinity where that cannot be told."""
        return np.where(self.which_hold(samples), 0.0, math.inf)

    def finding(self, sample: Sample) -> str:
        """What the rule finds of one sample, in words; empty if that is only whether it holds."""
        return ""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that the rule names, as far as it is known which."""
        return ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Constraint):
            return NotImplemented
        return type(self) is type(other) and self.description == other.description

    def __hash__(self) -> int:
        return hash(self.description)

    def __bool__(self) -> NoReturn:
        raise ChoiceUsedAsValueError(
            f"whether {self} holds depends on the sample, so it is neither True nor False, and cannot be joined by "
            f"'and', 'or' or 'not'; {self._remedy}"
        )

    @property
    def _remedy(self) -> str:
        return "for several constraints call space.constrain with each"

    def __str__(self) -> str:
        return self.description

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Limit(Constraint):
    """A cost from `lower` to `upper`, both included. A cost that is NaN is outside.

    Attributes:
        cost: Takes a list of samples and gives an array with a number for each.
        lower: The smallest cost allowed, if any.
        upper: The largest cost allowed, if any.

    Raises:
        DomainError: The cost is no function with a name, or the limits are not finite numbers with `lower <= upper`.
    """

    cost: Cost
    lower: float | None = None
    upper: float | None = None

    def __post_init__(self) -> None:
        name: Any = getattr(self.cost, "name", None)
        if not callable(self.cost) or not isinstance(name, str):
            raise DomainError(f"the cost of a limit is {self.cost!r}; give a function of a list of samples with a name")
        for side in ("lower", "upper"):
            object.__setattr__(self, side, self._bound(side, getattr(self, side)))
        if self.lower is None and self.upper is None:
            raise DomainError(f"the limit on {name} has neither lower nor upper; give one")
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise DomainError(f"the limit on {name} has lower={self.lower} above upper={self.upper}")

    def _bound(self, side: str, bound: Any) -> float | None:
        plain = bound.item() if isinstance(bound, np.generic) else bound
        if plain is None:
            return None
        if not isinstance(plain, int | float) or isinstance(plain, bool) or not math.isfinite(plain):
            raise DomainError(f"the limit on {self.cost.name} has {side}={bound!r}; give a finite number")
        return plain

    @property
    def description(self) -> str:
        lower = "" if self.lower is None else _number(self.lower)
        upper = "" if self.upper is None else f" <= {_number(self.upper)}"
        if upper:
            return f"{lower} <= {self.cost.name}{upper}" if lower else f"{self.cost.name}{upper}"
        return f"{self.cost.name} >= {lower}"

    def holds(self, sample: Mapping[str, Value]) -> bool:
        return bool(self.which_hold([dict(sample)])[0])

    def which_hold(self, samples: Sequence[Sample]) -> NDArray[np.bool_]:
        return np.equal(self.distances(samples), 0.0)

    def distances(self, samples: Sequence[Sample]) -> NDArray[np.float64]:
        costs = self._costs(samples)
        below = costs - self.upper if self.upper is not None else np.zeros_like(costs)
        above = self.lower - costs if self.lower is not None else np.zeros_like(costs)
        far: NDArray[np.float64] = np.maximum(np.maximum(below, above), 0.0)
        return np.where(np.isnan(costs), math.inf, far)

    def finding(self, sample: Sample) -> str:
        return f"{self.cost.name} is {_number(self._costs([sample])[0].item())}"

    def _costs(self, samples: Sequence[Sample]) -> NDArray[np.float64]:
        costs = np.asarray(self.cost(list(samples)))
        if costs.shape != (len(samples),) or costs.dtype.kind not in "iuf":
            raise DomainError(
                f"the cost {self.cost.name} gave {costs.dtype} of shape {costs.shape} for a list of {len(samples)} "
                "samples; it must give one number for each"
            )
        return costs.astype(np.float64)

    @property
    def _remedy(self) -> str:
        name = self.cost.name
        return (
            f"for low <= {name} <= high give two constraints, space.constrain({name} >= low) and "
            f"space.constrain({name} <= high), or one, Limit({name}, lower=low, upper=high)"
        )

    def check_bounds(self) -> None:
        """`ConstraintError` if the cost has `bounds()` and they say that no sample is within the limit.

        A cost may raise `ProfileError` where it cannot tell them.
        """
        bounds: Any = getattr(self.cost, "bounds", None)
        if bounds is None:
            return
        try:
            low, high = bounds()
        except ProfileError:
            return
        if (self.upper is None or low <= self.upper) and (self.lower is None or high >= self.lower):
            return
        raise ConstraintError(
            f"{self.description} holds for no sample: {self.cost.name} is from {_number(low)} to {_number(high)}"
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Predicate(Constraint):
    """A function of a sample that gives True or False; it is known by its name and the plain values that it holds.

    An error in it is raised as it is, with a note that names the function.

    Raises:
        DomainError: The function is none, or (when it is called) gives something else.
    """

    function: Callable[[Sample], Any]

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise DomainError(f"a predicate is a function of a sample, not {self.function!r}")

    @property
    def description(self) -> str:
        return f"predicate {in_words(self.function)}"

    @property
    def mark(self) -> str:
        return mark(self.function)

    def holds(self, sample: Mapping[str, Value]) -> bool:
        try:
            result = self.function(dict(sample))
        except Exception as error:
            error.add_note(f"in {self}, a constraint, for the sample {dict(sample)}")
            raise
        if not isinstance(result, bool | np.bool_):
            raise DomainError(
                f"{self} gave {result!r} ({type(result).__name__}) for the sample {dict(sample)}; "
                "it must give True or False"
            )
        return bool(result)

    def __str__(self) -> str:
        code = getattr(inspect.unwrap(self.function), "__code__", None)
        return self.description if code is None else f"{self.description} ({code.co_filename}:{code.co_firstlineno})"


def _number(number: float) -> str:
    """With thousands separators, and without a fraction that is none."""
    whole = isinstance(number, int) or number.is_integer()
    return f"{int(number) if whole else number:,}"
