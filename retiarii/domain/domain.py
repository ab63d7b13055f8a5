"""A domain: all that a strategy has to know of a model space."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from retiarii.domain.activity import Alternatives
from retiarii.domain.choice import Choice
from retiarii.domain.constraint import Constraint
from retiarii.domain.counting import Numbering, numbering_of
from retiarii.domain.grid import sifted, walk, walk_within
from retiarii.domain.membership import Membership
from retiarii.domain.numbering import Node, decisions
from retiarii.domain.permutation import permutation
from retiarii.domain.requirement import Requirement
from retiarii.domain.shares import index_at
from retiarii.domain.value import Sample, Value
from retiarii.errors import ConstraintError, DomainError

_EXACT_DIGITS = 12
_MOST_LISTED = 100_000
_MOST_NEAR = 256
"""As many samples are made of one or two others until one is found that keeps the constraints."""


class Domain(Membership):
    """Labelled choices in an order, some of them active only under a condition over earlier ones. Immutable.

    A sample must keep all constraints, too. While one is being checked, it is none: a predicate may freeze the space
    that it constrains, say. Domains are equal if their constraints have the same descriptions, in whatever order.

    Chance comes as a generator, or, to save its cost, as shares: numbers uniform in [0, 1). Methods that take shares
    and find a constraint broken try again with others that follow from the same shares.

    Args:
        choices: The choices; each label once.
        conditions: For a label, alternatives (an "or" of "and"s) of expressions over labels of earlier choices. The
            choice is active if one alternative holds. An expression over a label that is inactive is false. A choice
            without an entry is always active.
        constraints: Rules that samples must keep beside.

    Raises:
        DomainError: A label is there twice, or a condition names an unknown label or one that is not earlier, or a
            constraint is none or names an unknown label.
    """

    def __init__(
        self,
        choices: Iterable[Choice],
        conditions: Mapping[str, Alternatives] | None = None,
        constraints: Iterable[Constraint] = (),
    ) -> None:
        super().__init__(choices, conditions, constraints)

    def constrained(self, *constraints: Constraint) -> Domain:
        """The same with these constraints, too.

        Raises:
            DomainError: One of them is no constraint, or names an unknown label.
        """
        return Domain(self._choices.values(), self.conditions, (*self._constraints, *constraints))

    @cached_property
    def unconstrained(self) -> Domain:
        """The same without constraints."""
        return Domain(self._choices.values(), self.conditions) if self._constraints else self

    @cached_property
    def size(self) -> int | float:
        """The number of distinct samples; `math.inf` if a continuous choice can be active.

        Requirements are counted in. For other constraints all samples are checked if there are at most 100,000 without
        constraints. If there are more, or requirements join too many choices, the number is an upper bound: these
        constraints are not counted in.
        """
        if self._counts_all or self.unconstrained.size_bound > _MOST_LISTED:
            return self.size_bound
        try:
            return sum(1 for _ in self.grid())
        except ConstraintError:
            return 0

    @property
    def size_bound(self) -> int | float:
        """The number of samples that `nth` tells apart; `math.inf` if a continuous choice can be active.

        It is the size, but for constraints that only a check of samples can tell: these are not counted in.
        """
        return self._numbering.size

    @cached_property
    def _numbering(self) -> Numbering:
        requirements = [rule for rule in self._rules if isinstance(rule, Requirement)]
        return numbering_of(self._choices, self.conditions, requirements)

    @property
    def _counts_all(self) -> bool:
        return self._numbering.has_requirements and all(isinstance(rule, Requirement) for rule in self._rules)

    def nth(self, index: int) -> Sample:
        """Sample number `index`, from 0 to below `size_bound`: all of them, each once, in no particular order.

        Where `size_bound` is above `size`, some break a constraint; see `keeps`.

        Raises:
            DomainError: There is no such number, or a continuous choice can be active, so samples have none.
        """
        root = self._listed
        if not 0 <= index < root.size:
            raise DomainError(f"there is no sample number {index}; give one from 0 to below {root.size}")
        found = decisions(root, int(index))
        return {label: found[label] for label in self._choices if label in found}

    @property
    def _listed(self) -> Node:
        root = self._numbering.root
        if root is None:
            endless = ", ".join([repr(label) for label, choice in self._choices.items() if choice.size == math.inf])
            raise DomainError(f"samples have no numbers where a choice is continuous, as {endless} is; draw samples")
        return root

    def uniform_at(self, share: float) -> Sample:
        """The sample for a share, where every sample is as likely, as with `nth` and random numbers.

        Raises:
            DomainError: A continuous choice can be active.
            ConstraintError: None of 10,000 samples keeps the constraints, or it is known that none does.
        """
        size = self._listed.size
        if size == 0:
            return next(self.grid())
        return self._first_kept(lambda row: self.nth(index_at(row[0], size)), [share])

    def shuffled(self, seed: int) -> Iterator[Sample]:
        """All samples, lazily, each once, in an order by chance, which is the same for the same seed.

        Where requirements join too many choices to be counted, and only there, it is the order of the grid, whose walk
        leaves out whole branches that break them.

        Raises:
            DomainError: A continuous choice can be active (when the first such sample is due).
            ConstraintError: No sample keeps the constraints, or 1,000,000 in a row do not, although later ones may.
        """
        if self.size_bound == 0 or not self._numbering.has_requirements or self._numbering.root is None:
            return self.grid()
        samples = map(self.nth, permutation(int(self.size_bound), seed))
        return samples if self._counts_all else sifted(samples, self._rules)

    def random(self, rng: np.random.Generator) -> Sample:
        """A sample, each active choice drawn by itself; with constraints, the first of those drawn that keeps them.

        Raises:
            ConstraintError: None of 10,000 samples keeps them.
        """
        return self.at(rng.random(len(self._choices)).tolist())

    def at(self, shares: Sequence[float]) -> Sample:
        """The sample for one share for each label, in order; those of inactive labels and further ones are ignored.

        Uniform shares make each active choice a random value. Where constraints are broken, it is the first of further
        samples that keeps them.

        Raises:
            DomainError: There are too few shares.
            ConstraintError: None of 10,000 samples keeps the constraints.
        """
        self._check_count(shares, len(self._choices))
        return self._first_kept(self._placed, shares)

    def _check_count(self, shares: Sequence[float], needed: int) -> None:
        if len(shares) < needed:
            raise DomainError(f"there are {len(shares)} shares for {len(self._choices)} choices; give {needed}")

    def default(self) -> Sample:
        """The sample of all defaults; if it breaks a constraint, a random one, always the same.

        Raises:
            ConstraintError: None of 10,000 samples keeps the constraints.
        """
        sample = self._completed({}, self._default_at)
        return sample if self.keeps(sample) else self.random(np.random.default_rng(0))

    def mutated(self, sample: Mapping[str, Value], rng: np.random.Generator) -> Sample:
        """A sample in which one choice is decided otherwise; see `mutated_at`.

        Raises:
            SampleError: The sample is not well formed (it may break constraints).
            DomainError: There is nothing that could be decided otherwise.
            ConstraintError: None of 256 samples keeps the constraints.
        """
        return self.mutated_at(self._well_formed(sample), rng.random(2 + len(self._choices)).tolist())

    def mutated_at(self, sample: Sample, shares: Sequence[float]) -> Sample:
        """A sample in which one choice is decided otherwise than in a canonical one.

        The choice is drawn from those that are active and have another value, and its value from the others. All
        other decisions stay where they are still active; what becomes active is drawn. With constraints, it is the
        first of those drawn that keeps them.

        Args:
            sample: A canonical sample; it may break constraints.
            shares: Which choice, which other value, and one for each label, in order, for its value if it becomes
                active. Without conditions, the first two are enough.

        Raises:
            DomainError: There is nothing that could be decided otherwise, or there are too few shares.
            ConstraintError: None of 256 samples keeps the constraints.
        """
        several = self._several
        if self._conditions:
            self._check_count(shares, 2 + len(self._choices))
            several = tuple([label for label in several if label in sample])
        if not several:
            raise DomainError(f"no choice of the sample {sample} has another value, so it cannot be mutated")
        return self._first_kept(lambda row: self._mutant(sample, several, row), shares, _MOST_NEAR)

    def crossed(self, one: Sample, other: Sample, rng: np.random.Generator) -> Sample:
        """A sample of two canonical ones: each choice that is active takes its value from either of them.

        If only one of them has a value, it is that; if none has, it is drawn. With constraints, it is the first of
        those made that keeps them.

        Raises:
            ConstraintError: None of 256 samples keeps the constraints.
        """
        shares = rng.random(2 * len(self._choices)).tolist()
        return self._first_kept(lambda row: self._child(one, other, row), shares, _MOST_NEAR)

    def neighbours(self, sample: Mapping[str, Value]) -> Iterator[Sample]:
        """The samples that keep the constraints and differ in one decision: all `moved` by one of the `moves`.

        In order, lazily. All other decisions stay where they are still active; what becomes active takes its default.

        Raises:
            SampleError: The sample is not well formed (it may break constraints).
        """
        before = self._well_formed(sample)
        samples = (self.moved(before, label, value) for label, value in self.moves(before))
        return filter(self.keeps, samples)

    def grid(self) -> Iterator[Sample]:
        """All samples, lazily, each once; the last label changes fastest.

        With constraints the way to the next sample may be long.

        Raises:
            DomainError: A continuous choice can be active (when the first such sample is due).
            ConstraintError: No sample keeps the constraints, or 1,000,000 in a row do not, although later ones may.
        """
        if not self._rules:
            return walk(self._steps)
        return walk_within(self._steps, self._rules)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Domain):
            return NotImplemented
        return self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self.labels)

    def _content(self) -> tuple[Any, ...]:
        conditions = {label: condition.to_json() for label, condition in self._conditions.items()}
        rules = Counter((type(rule), rule.description) for rule in self._rules)
        return tuple(self._choices.values()), conditions, rules

    def __reduce__(self) -> tuple[Any, ...]:
        return Domain, (tuple(self._choices.values()), dict(self.conditions), self._constraints)

    def __repr__(self) -> str:
        whole = self.unconstrained.size_bound
        large = whole != math.inf and whole >= 10**_EXACT_DIGITS
        size = f"about 10^{math.log10(whole):.1f}" if large else str(whole)
        without = f" without its {_counted(len(self._rules), 'constraint')}" if self._rules else ""
        return f"Domain({_counted(len(self._choices), 'choice')}, size {size}{without})"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
