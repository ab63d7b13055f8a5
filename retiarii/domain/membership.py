"""What is a sample of a domain: what its choices and its constraints say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from retiarii.domain.activity import Alternatives
from retiarii.domain.choice import Choice
from retiarii.domain.consistency import check_constraints
from retiarii.domain.constraint import Constraint
from retiarii.domain.requirement import Requirement
from retiarii.domain.shares import more_shares
from retiarii.domain.sieve import MOST_TRIES, broken, distances, first_passing
from retiarii.domain.structure import Structure
from retiarii.domain.value import Sample, Value
from retiarii.errors import SampleError


class Membership(Structure):
    """Choices, and constraints that samples must keep. Immutable.

    Args:
        choices: The choices; each label once.
        conditions: When they are active; see `Structure`.
        constraints: Rules that samples must keep beside.

    Raises:
        DomainError: As `Structure`, or a constraint is none or names an unknown label.
    """

    def __init__(
        self,
        choices: Iterable[Choice],
        conditions: Mapping[str, Alternatives] | None,
        constraints: Iterable[Constraint],
    ) -> None:
        super().__init__(choices, conditions)
        self._constraints = tuple(constraints)
        check_constraints(self._choices, self._constraints)
        # Requirements are cheap, and cut whole branches off a grid.
        self._rules = sorted(self._constraints, key=lambda rule: not isinstance(rule, Requirement))

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """The rules that samples must keep beside."""
        return self._constraints

    def canonical(self, sample: Mapping[str, Value]) -> Sample:
        """`sample` checked, in the domain's order, with its values, and without inactive labels: a new dict.

        Raises:
            SampleError: It is no mapping, a label is unknown, an active one is missing or has a wrong value, or the
                sample breaks a constraint. Values of inactive labels are ignored.
        """
        result = self._well_formed(sample)
        rule = broken(self._rules, result)
        if rule is not None:
            finding = rule.finding(result)
            raise SampleError(f"the sample breaks the constraint {rule}{': ' * bool(finding)}{finding}")
        return result

    def validate(self, sample: Mapping[str, Value]) -> None:
        """`SampleError` if `sample` is not a sample of this domain; see `canonical`."""
        self.canonical(sample)

    def contains(self, sample: Mapping[str, Value]) -> bool:
        """Whether `sample` is valid."""
        try:
            self.canonical(sample)
        except SampleError:
            return False
        return True

    def keeps(self, sample: Sample) -> bool:
        """Whether a canonical sample keeps all constraints."""
        return not self._rules or broken(self._rules, sample) is None

    def distances(self, sample: Sample) -> NDArray[np.float64]:
        """How far a canonical sample is from keeping each of the `constraints`, in their order.

        0 where it keeps one, infinity where it does not and the distance cannot be told.
        """
        return distances(self._constraints, sample)

    def _first_kept(
        self, make: Callable[[Sequence[float]], Sample], shares: Sequence[float], most: int = MOST_TRIES
    ) -> Sample:
        """What `make` gives for the shares, or the first for others, which follow from them, that keeps the rules."""
        if not self._rules:
            return make(shares)
        rows = chain([shares], more_shares(shares))
        return first_passing(lambda: make(next(rows)), self._rules, most)
