"""A domain: all that a strategy has to know of a model space."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from retiarii.domain.activity import Alternatives, Condition
from retiarii.domain.choice import Choice
from retiarii.domain.counting import count_samples
from retiarii.domain.grid import walk
from retiarii.domain.value import Sample, Value
from retiarii.errors import DomainError, SampleError

_EXACT_DIGITS = 12


class Domain:
    """Labelled choices in an order, some of them active only under a condition over earlier ones. Immutable.

    Args:
        choices: The choices; each label once.
        conditions: For a label, alternatives (an "or" of "and"s) of expressions over labels of earlier choices. The
            choice is active if one alternative holds. An expression over a label that is inactive is false. A choice
            without an entry is always active.

    Raises:
        DomainError: A label is there twice, or a condition names an unknown label or one that is not earlier.
    """

    def __init__(self, choices: Iterable[Choice], conditions: Mapping[str, Alternatives] | None = None) -> None:
        self._choices: dict[str, Choice] = {}
        for choice in choices:
            if choice.label in self._choices:
                raise DomainError(f"the label {choice.label!r} is there twice; give every choice its own label")
            self._choices[choice.label] = choice
        self._conditions = {label: Condition(label, given) for label, given in (conditions or {}).items()}
        self._check_conditions()
        self._steps = tuple([(choice, self._conditions.get(label)) for label, choice in self._choices.items()])
        self._draws = tuple([(choice.label, choice.random, condition) for choice, condition in self._steps])

    def _check_conditions(self) -> None:
        place = {label: position for position, label in enumerate(self._choices)}
        for label, condition in self._conditions.items():
            if label not in place:
                raise DomainError(f"there is a condition for {label!r}, which is no choice; {self._known(label)}")
            for parent in condition.labels:
                if parent not in place:
                    raise DomainError(f"the condition of {label!r} names {parent!r}, no choice; {self._known(parent)}")
                if place[parent] >= place[label]:
                    raise DomainError(f"the condition of {label!r} names {parent!r}; put {parent!r} before {label!r}")

    def _known(self, label: str) -> str:
        close = difflib.get_close_matches(str(label), self._choices)
        if close:
            return f"the nearest labels are {', '.join([repr(known) for known in close])}"
        return f"the labels are {', '.join([repr(known) for known in self._choices]) or 'none at all'}"

    @property
    def choices(self) -> Mapping[str, Choice]:
        """The choices by label, in order; read-only."""
        return MappingProxyType(self._choices)

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels, in order."""
        return tuple(self._choices)

    @property
    def conditions(self) -> Mapping[str, Alternatives]:
        """The conditions by label, over plain symbols; read-only."""
        return MappingProxyType({label: condition.alternatives for label, condition in self._conditions.items()})

    @cached_property
    def size(self) -> int | float:
        """The number of distinct samples; `math.inf` if a continuous choice can be active."""
        return count_samples(self._choices, self.conditions)

    def is_active(self, label: str, sample: Mapping[str, Value]) -> bool:
        """Whether the choice `label` is active under `sample`, which decides at least the choices this depends on.

        Raises:
            SampleError: The label is unknown, or a choice it depends on is undecided.
        """
        if label not in self._choices:
            raise SampleError(f"{label!r} is no label of this domain; {self._known(label)}")
        for choice, verdict in self._verdicts(sample):
            if choice.label == label and verdict is not None:
                return verdict
        parents = ", ".join([repr(parent) for parent in self._conditions[label].labels])
        raise SampleError(f"whether {label!r} is active depends on {parents}; the sample has only {[*sample]}")

    def active(self, partial: Mapping[str, Value]) -> tuple[Choice, ...]:
        """The undecided choices that are certain to be active, whatever else is decided."""
        return tuple([choice for choice, verdict in self._verdicts(partial) if verdict and choice.label not in partial])

    def _verdicts(self, partial: Mapping[str, Value]) -> Iterator[tuple[Choice, bool | None]]:
        """Each choice and whether it is active; None if that depends on undecided ones."""
        decided: Sample = {}
        undecided: set[str] = set()
        for choice, condition in self._steps:
            verdict = True if condition is None else condition.verdict(decided, undecided)
            yield choice, verdict
            if verdict and choice.label in partial:
                decided[choice.label] = partial[choice.label]
            elif verdict is not False:
                undecided.add(choice.label)

    def random(self, rng: np.random.Generator) -> Sample:
        """A sample, each active choice drawn by itself."""
        sample: Sample = {}
        for label, draw, condition in self._draws:
            if condition is None or condition.verdict(sample):
                sample[label] = draw(rng)
        return sample

    def default(self) -> Sample:
        """The sample of all defaults."""
        sample: Sample = {}
        for choice, condition in self._steps:
            if condition is None or condition.verdict(sample):
                sample[choice.label] = choice.default
        return sample

    def grid(self) -> Iterator[Sample]:
        """All samples, lazily, each once; the last label changes fastest.

        Raises:
            DomainError: A continuous choice can be active (when the first such sample is due).
        """
        return walk(self._steps)

    def canonical(self, sample: Mapping[str, Value]) -> Sample:
        """`sample` checked, in the domain's order, with its values, and without inactive labels: a new dict.

        Raises:
            SampleError: A label is unknown, an active one is missing or has a wrong value. Values of inactive
                labels are ignored.
        """
        for label in sample:
            if label not in self._choices:
                raise SampleError(f"the sample has {label!r}, no label of this domain; {self._known(label)}")
        result: Sample = {}
        for choice, condition in self._steps:
            if condition is not None and not condition.verdict(result):
                continue
            if choice.label not in sample:
                raise SampleError(f"the sample has no value for {choice.label!r}; give {choice.expected}")
            result[choice.label] = choice.check(sample[choice.label])
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

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Domain):
            return NotImplemented
        return self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self.labels)

    def _content(self) -> tuple[Any, ...]:
        conditions = {label: condition.to_json() for label, condition in self._conditions.items()}
        return tuple(self._choices.values()), conditions

    def __reduce__(self) -> tuple[Any, ...]:
        return Domain, (tuple(self._choices.values()), dict(self.conditions))

    def __repr__(self) -> str:
        large = self.size != math.inf and self.size >= 10**_EXACT_DIGITS
        size = f"about 10^{math.log10(self.size):.1f}" if large else str(self.size)
        return f"Domain({len(self._choices)} choice{'s' * (len(self._choices) != 1)}, size {size})"
