"""What was seen of mutators' decisions, as choices with labels and conditions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from retiarii.domain.activity import Alternatives
from retiarii.domain.choice import Categorical, Choice
from retiarii.domain.expression import Symbol

Pair: TypeAlias = tuple[str, Any]
Way: TypeAlias = tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of `Mutator.choice` in one run.

    Attributes:
        base: the label of the mutator.
        index: how many choices the mutator made before in this run.
        values: the candidates, as a sample knows them.
        picked: the index of the one that was taken.
    """

    base: str
    index: int
    values: tuple[Any, ...]
    picked: int

    @property
    def key(self) -> tuple[str, int, tuple[Any, ...]]:
        """What tells it from other choices; `1` and `True` are different values."""
        return self.base, self.index, tuple([(type(value), value) for value in self.values])


@dataclass(frozen=True, slots=True)
class Run:
    """The choices that mutators asked for in one run, and how those of the model itself were decided in it."""

    model: Way
    asked: list[Asked]

    @property
    def shape(self) -> list[Any]:
        """What was asked for, however it was decided."""
        return [asked.key for asked in self.asked]

    def of(self, base: str) -> Run:
        """The same, of one mutator alone."""
        return Run(self.model, [asked for asked in self.asked if asked.base == base])

    def shape_without(self, base: str) -> list[Any]:
        """What all other mutators asked for."""
        return [asked.key for asked in self.asked if asked.base != base]


class Explored:
    """The decisions of some mutators.

    Args:
        model: the choices of the model itself.
        bases: the labels of the mutators, in the order in which they are applied.

    Attributes:
        conditions: when each choice is asked for, if not always.
    """

    def __init__(self, model: Mapping[str, Choice], bases: Sequence[str]) -> None:
        self.conditions: dict[str, Alternatives] = {}
        self._model = model
        self._bases = {base: position for position, base in enumerate(bases)}
        self._labels: dict[Any, str] = {}
        self._choices: dict[str, Categorical] = {}
        self._places: dict[str, tuple[int, int]] = {}

    @property
    def choices(self) -> list[Categorical]:
        """In the order in which they are asked for."""
        return sorted(self._choices.values(), key=lambda choice: self._places[choice.label])

    def label(self, asked: Asked) -> str | None:
        """The label of a choice; None if it was not seen."""
        return self._labels.get(asked.key)

    def add(self, runs: Sequence[Run]) -> None:
        """Take in runs that depend on nothing but their own choices: earlier ones decide about later ones."""
        most: Counter[str] = Counter()
        for run in runs:
            most |= Counter(asked.base for asked in run.asked)
        ways: dict[str, dict[Way, None]] = {}
        for run in runs:
            decided = run.model
            for asked in run.asked:
                label = self._labelled(asked, is_only=most[asked.base] == 1)
                ways.setdefault(label, {}).setdefault(decided)
                decided = (*decided, (label, asked.values[asked.picked]))
        for label, found in ways.items():
            reduced = self._reduced(list(found))
            if () not in reduced:
                self.conditions[label] = tuple([_condition(way) for way in reduced])

    def _labelled(self, asked: Asked, *, is_only: bool) -> str:
        known = self._labels.get(asked.key)
        if known is not None:
            return known
        plain = asked.base if is_only else f"{asked.base}/{asked.index}"
        label, number = plain, 1
        while label in self._choices:
            number += 1
            label = f"{plain}~{number}"
        self._labels[asked.key] = label
        self._choices[label] = Categorical(label, asked.values)
        self._places[label] = self._bases[asked.base], asked.index
        return label

    def _reduced(self, ways: list[Way]) -> list[Way]:
        """The same ways without decisions that make no difference: those of which every candidate leads here."""
        labels = list(dict.fromkeys([label for way in ways for label, _ in way]))
        for label in reversed(labels):
            choice = self._choices.get(label) or self._model[label]
            groups: dict[Way, set[Any]] = {}
            for way in ways:
                rest = tuple([pair for pair in way if pair[0] != label])
                groups.setdefault(rest, set()).update([(type(value), value) for name, value in way if name == label])
            if all(not values or len(values) == choice.size for values in groups.values()):
                ways = list(groups)
        return ways


def _condition(way: Way) -> tuple[Any, ...]:
    return tuple([Symbol(label) == value for label, value in way])
