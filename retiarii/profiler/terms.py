"""The values of labels and of expressions over them, numbered as they come."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from retiarii.domain import Call, Categorical, Choice, Expression, Symbol
from retiarii.domain.value import frozen, identity
from retiarii.errors import ProfileError, SampleError
from retiarii.profiler.columns import DEAD, IMPOSSIBLE, Column, Frame, Function, Ids, constant

MOST_VALUES = 4096
"""Values of one label that all are tried, and ways of deciding an expression that are tabulated at once."""

ABSENT: Any = object()
_FEWEST_FOLDED = 3
_NUMBERS = (bool, int, float)
_PLAIN = (*_NUMBERS, str, type(None))


class Values:
    """The values of one label.

    Attributes:
        choice: the choice of this label.
        all: the values by number; lists are tuples.
    """

    def __init__(self, choice: Choice) -> None:
        self.choice = choice
        self.all: list[Any] = []
        self._ids: dict[Any, int] = {}
        self._quick: dict[Any, int] = {}
        if isinstance(choice, Categorical) or choice.size <= MOST_VALUES:
            self.complete()  # before any sample comes, so that the numbers are always the same
        if isinstance(choice, Categorical):
            kinds = set(map(type, self.all))
            if kinds <= {*_PLAIN} and len(kinds.intersection(_NUMBERS)) <= 1:
                self._quick = {value: number for number, value in enumerate(self.all)}
                self._kinds = kinds | {type(ABSENT)}

    @property
    def default(self) -> int:
        """The number of the default."""
        return self.number(self.choice.default)

    def complete(self) -> int:
        """Number all values; how many there are.

        Raises:
            ProfileError: there is no end of them, or there are too many.
        """
        if self.choice.size > MOST_VALUES and not isinstance(self.choice, Categorical):
            raise ProfileError(
                f"the choice {self.choice.label!r} has {self.choice.size} values and a cost depends on it; its bounds "
                f"and its average are found over at most {MOST_VALUES} values of a choice: give a list of values"
            )
        for value in self.choice.values():
            self.number(value)
        return len(self.all)

    def number(self, value: Any) -> int:
        """The number of a value."""
        return _number(value, self.all, self._ids)

    def encoded(self, given: Sequence[Any]) -> Ids | None:
        """The number of each value, `DEAD` for `ABSENT`; None where one of them is not allowed."""
        try:
            if self._quick and self._kinds.issuperset(map(type, given)):
                quick = {**self._quick, ABSENT: DEAD}
                return np.array([quick[value] for value in given], np.int64)
            numbers = [DEAD if value is ABSENT else self.number(self.choice.check(value)) for value in given]
        except (LookupError, SampleError):
            return None
        return np.array(numbers, np.int64)


def _number(value: Any, values: list[Any], ids: dict[Any, int]) -> int:
    plain = frozen(value)
    key = identity(plain)
    known = ids.get(key)
    if known is None:
        known = ids[key] = len(values)
        values.append(plain)
    return known


class Term:
    """An expression.

    Attributes:
        labels: what its value depends on.
        values: its values by number, as far as they are known.
        error: why it could not be computed, where that happened.
    """

    def __init__(self, labels: tuple[str, ...], values: list[Any], column: Callable[[Frame], Column]) -> None:
        self.labels = labels
        self.values = values
        self.error: Exception | None = None
        self._column = column

    def column(self, frame: Frame) -> Column:
        """Its value for all ways of deciding the labels; `IMPOSSIBLE` where it has none."""
        known = frame.known.get(self)
        if known is None:
            known = frame.known[self] = self._column(frame)
        return known

    def where(self, frame: Frame, holds: Callable[[Any], bool]) -> Column:
        """Where its value is such."""
        column = self.column(frame)
        truths = np.array([*map(holds, self.values), False, False])
        return frame.settled(Column(column.axes, truths[column.ids]))


Part: TypeAlias = "Term | bool | int | float | str | tuple[Part, ...] | None"


class Terms:
    """The expressions of a space; equal ones are one.

    Args:
        values: of each label.
    """

    def __init__(self, values: Mapping[str, Values]) -> None:
        self.values = values
        self._by_identity: dict[int, tuple[Expression, Term]] = {}
        self._by_structure: dict[Any, Term] = {}

    def term(self, expression: Expression) -> Term:
        """The term of an expression."""
        known = self._by_identity.get(id(expression))
        if known is not None:
            return known[1]
        term = self._of_symbol(expression) if isinstance(expression, Symbol) else self._of_call(expression)
        self._by_identity[id(expression)] = expression, term
        return term

    def _of_symbol(self, symbol: Symbol) -> Term:
        label = symbol.label
        key = "choice", label
        if key not in self._by_structure:
            self._by_structure[key] = Term((label,), self.values[label].all, lambda frame: frame.labels[label])
        return self._by_structure[key]

    def _of_call(self, call: Any) -> Term:
        parts = [self.term(part) if isinstance(part, Expression) else part for part in call.arguments]
        key = call.operator, *[part if isinstance(part, Term) else identity(part) for part in parts]
        if key not in self._by_structure:
            halves = [self._of_call(half) for half in _halves(call)]
            self._by_structure[key] = _Computed(call, halves or parts, self.values).term
        return self._by_structure[key]


def _common(first: tuple[Any, ...], second: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple([each for each in first if each in second])


_FOLDS: Mapping[str, tuple[int, Callable[[Any, Any], Any]]] = {"max": (0, max), "min": (0, min), "unused": (2, _common)}
"""Operators of many arguments: how many come first and are always the same, and what joins the values of two halves."""


def _halves(call: Call) -> list[Call]:
    """Two calls of the same operator that its value can be found from; none where it has few arguments."""
    if call.operator not in _FOLDS:
        return []
    first = _FOLDS[call.operator][0]
    fixed, rest = call.arguments[:first], call.arguments[first:]
    if sum([isinstance(each, Expression) for each in rest]) != len(rest) or len(rest) < _FEWEST_FOLDED:
        return []
    return [Call(call.operator, (*fixed, *half)) for half in (rest[: len(rest) // 2], rest[len(rest) // 2 :])]


class _Computed:
    """How the value of a call is found: from its labels where these are few, or from the values of its arguments."""

    def __init__(self, call: Call, parts: Sequence[Part], values: Mapping[str, Values]) -> None:
        labels = dict.fromkeys(label for part in parts if isinstance(part, Term) for label in part.labels)
        self.term = Term(tuple(labels), [], self._column)
        self._call = call
        self._parts = parts
        self._terms = [part for part in parts if isinstance(part, Term)]
        self._labels = [values[label] for label in labels]
        self._fold = _FOLDS[call.operator][1] if _halves(call) else None
        self._ids: dict[Any, int] = {}
        self._whole = Function(self._of_labels)
        self._stepwise = Function(self._of_parts, is_strict=call.operator not in {"and", "or", "condition"})

    def _column(self, frame: Frame) -> Column:
        columns = [frame.labels[label] for label in self.term.labels]
        if math.prod([len(values.all) for values in self._labels]) <= MOST_VALUES:
            return self._whole(frame, columns)
        return self._stepwise(frame, [term.column(frame) for term in self._terms])

    def _of_labels(self, numbers: tuple[int, ...]) -> int:
        known = zip(self.term.labels, self._labels, numbers, strict=True)
        return self._computed(self._call, {label: values.all[n] for label, values, n in known if n != DEAD})

    def _of_parts(self, numbers: tuple[int, ...]) -> int:
        if self._fold is not None:
            values = [term.values[number] for term, number in zip(self._terms, numbers, strict=True)]
            return _number(self._fold(*values), self.term.values, self._ids)
        left = iter(numbers)
        given = [next(left) if isinstance(part, Term) else DEAD for part in self._parts]
        arguments: list[Any] = []
        sample: dict[str, Any] = {}
        for position, (part, number) in enumerate(zip(self._parts, given, strict=True)):
            if not isinstance(part, Term):
                arguments.append(part)
                continue
            arguments.append(Symbol(f"argument {position}"))
            if number >= 0:
                sample[f"argument {position}"] = part.values[number]
        return self._computed(Call(self._call.operator, tuple(arguments)), sample)

    def _computed(self, call: Call, sample: Mapping[str, Any]) -> int:
        try:
            return _number(call.evaluate(sample), self.term.values, self._ids)
        except SampleError as error:
            self.term.error = error
            return IMPOSSIBLE


def always(value: Any) -> Term:
    """The term of a constant."""
    return Term((), [value], lambda frame: constant(0))
