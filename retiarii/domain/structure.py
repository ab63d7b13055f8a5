"""Choices and when they are active: what a domain is without its constraints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from retiarii.domain.activity import Alternatives, Condition
from retiarii.domain.checks import check_is_sample
from retiarii.domain.choice import Categorical, Choice
from retiarii.domain.consistency import check_conditions, nearest_labels
from retiarii.domain.value import Sample, Value
from retiarii.errors import DomainError, SampleError

_HALF = 0.5


class Structure:
    """Labelled choices in an order, some of them active only under a condition over earlier ones. Immutable.

    Args:
        choices: The choices; each label once.
        conditions: For a label, alternatives (an "or" of "and"s) of expressions over labels of earlier choices.

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
        check_conditions(list(self._choices), self._conditions)
        self._steps = tuple([(choice, self._conditions.get(label)) for label, choice in self._choices.items()])
        self._places = tuple([(label, choice.at) for label, choice in self._choices.items()])
        self._lists = tuple([(label, *_listed(choice), choice.at) for label, choice in self._choices.items()])
        self._several = tuple([label for label, choice in self._choices.items() if choice.size > 1])
        self._parents = frozenset([label for condition in self._conditions.values() for label in condition.labels])

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

    def is_active(self, label: str, sample: Mapping[str, Value]) -> bool:
        """Whether the choice `label` is active under `sample`, which decides at least the choices this depends on.

        Raises:
            SampleError: The label is unknown, or a choice it depends on is undecided.
        """
        if label not in self._choices:
            raise SampleError(f"{label!r} is no label of this domain; {nearest_labels(label, self._choices)}")
        for choice, verdict in self._verdicts(sample):
            if choice.label == label and verdict is not None:
                return verdict
        parents = ", ".join([repr(parent) for parent in self._conditions[label].labels])
        raise SampleError(f"whether {label!r} is active depends on {parents}; the sample has only {[*sample]}")

    def active(self, partial: Mapping[str, Value]) -> tuple[Choice, ...]:
        """The undecided choices that are certain to be active, whatever else is decided."""
        return tuple([choice for choice, verdict in self._verdicts(partial) if verdict and choice.label not in partial])

    def moves(self, sample: Sample) -> Iterator[tuple[str, Value]]:
        """Every label of a canonical sample with every other value near its own: a step of local search.

        In order, lazily. All other values are near, but for ranges and subsets of many; see their `others`.
        """
        for label, value in sample.items():
            for other in self._choices[label].others(value):
                yield label, other

    def moved(self, sample: Sample, label: str, value: Value) -> Sample:
        """A canonical sample with another value for one of its labels, regardless of constraints.

        All other decisions stay where they are still active; what becomes active takes its default.
        """
        changed = {**sample, label: value}
        return self._completed(changed, self._default_at) if label in self._parents else changed

    def _default_at(self, place: int) -> Value:
        return self._steps[place][0].default

    def _completed(self, decided: Mapping[str, Value], fresh: Callable[[int], Value]) -> Sample:
        """The sample in which what is decided stays where it is active, and the choice at a place is `fresh(place)`."""
        result: Sample = {}
        for place, (choice, condition) in enumerate(self._steps):
            if condition is None or condition.verdict(result):
                label = choice.label
                result[label] = decided[label] if label in decided else fresh(place)
        return result

    def _placed(self, shares: Sequence[float]) -> Sample:
        """The sample for one number from [0, 1) for each label."""
        if self._conditions:
            return self._completed({}, lambda place: self._places[place][1](shares[place]))
        return {
            label: values[int(share * count)] if count else at(share)
            for (label, values, count, at), share in zip(self._lists, shares, strict=False)
        }

    def _mutant(self, sample: Sample, labels: Sequence[str], shares: Sequence[float]) -> Sample:
        """`sample` with another value for one of `labels`; see `Domain.mutated_at`."""
        label = labels[int(shares[0] * len(labels))]
        value = self._choices[label].other_at(sample[label], shares[1])
        changed = {**sample, label: value}
        if label not in self._parents:
            return changed
        return self._completed(changed, lambda place: self._places[place][1](shares[2 + place]))

    def _child(self, one: Sample, other: Sample, shares: Sequence[float]) -> Sample:
        """See `Domain.crossed`: for each label, which parent, and then for each, its value if neither has one."""
        union = {**other, **one}
        for label, share in zip(self._choices, shares, strict=False):
            if share >= _HALF and label in other:
                union[label] = other[label]
        return self._completed(union, lambda place: self._places[place][1](shares[len(self._choices) + place]))

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

    def _well_formed(self, sample: Mapping[str, Value]) -> Sample:
        check_is_sample(sample)
        for label in sample:
            if label not in self._choices:
                raise SampleError(
                    f"the sample has {label!r}, no label of this domain; {nearest_labels(label, self._choices)}"
                )
        result: Sample = {}
        for choice, condition in self._steps:
            if condition is not None and not condition.verdict(result):
                continue
            if choice.label not in sample:
                raise SampleError(f"the sample has no value for {choice.label!r}; give {choice.expected}")
            result[choice.label] = choice.check(sample[choice.label])
        return result


def _listed(choice: Choice) -> tuple[tuple[Value, ...], int]:
    """The candidates of a choice that has a list of them, and how many: to find one without a call."""
    return (choice.candidates, choice.size) if isinstance(choice, Categorical) else ((), 0)
