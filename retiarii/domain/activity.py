"""When a choice is active."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from retiarii.domain.expression import Expression
from retiarii.domain.functions import expression_from_json
from retiarii.domain.value import Value
from retiarii.errors import DomainError

# Holds if all expressions of at least one alternative are true.
Alternatives: TypeAlias = tuple[tuple[Expression, ...], ...]

_NOTHING: frozenset[str] = frozenset()
_REMEMBERED = frozenset((bool, int, str, type(None), type(...)))
_MOST_REMEMBERED = 4096


@dataclass(frozen=True, slots=True, init=False, eq=False)
class Condition:
    """Alternatives over plain symbols. An expression over a label that is inactive is false.

    Attributes:
        alternatives: Whose expressions must be true.
        labels: The distinct labels in it, in order of first appearance.

    Raises:
        DomainError: An alternative holds something else than expressions.
    """

    alternatives: Alternatives
    labels: tuple[str, ...] = field(repr=False)
    _needed: tuple[tuple[tuple[Expression, tuple[str, ...]], ...], ...] = field(repr=False)
    _known: dict[Any, bool] = field(repr=False)

    def __init__(self, label: str, alternatives: Alternatives) -> None:
        for expression in [expression for alternative in alternatives for expression in alternative]:
            if not isinstance(expression, Expression):
                raise DomainError(
                    f"the condition of {label!r} has {expression!r} ({type(expression).__name__}); "
                    "give expressions over labels of earlier choices"
                )
        # Without this copy a domain would keep the nodes of a model, and need them to be unpickled.
        plain = tuple([tuple([expression_from_json(each.to_json()) for each in every]) for every in alternatives])
        object.__setattr__(self, "alternatives", plain)
        object.__setattr__(self, "_needed", tuple([tuple([(each, each.labels) for each in every]) for every in plain]))
        labels = [label for alternative in self._needed for _, labels in alternative for label in labels]
        object.__setattr__(self, "labels", tuple(dict.fromkeys(labels)))
        object.__setattr__(self, "_known", {})

    def to_json(self) -> str:
        """A text that is equal for equal conditions."""
        return json.dumps([[expression.to_json() for expression in every] for every in self.alternatives])

    def verdict(self, decided: Mapping[str, Value], undecided: Collection[str] = _NOTHING) -> bool | None:
        """Whether it holds; None if that depends on the labels in `undecided`.

        Args:
            decided: The values of the active choices decided so far.
            undecided: Labels that are or may become active. A label that is in neither is inactive.
        """
        if not undecided:
            return self._remembered(decided)
        return self._computed(decided, undecided)

    def _remembered(self, decided: Mapping[str, Value]) -> bool:
        """The verdict where nothing is undecided, which has mostly come up before."""
        key: Any
        if len(self.labels) == 1:
            value = decided.get(self.labels[0], ...)
            kind = type(value)
            key = (value, kind) if kind in _REMEMBERED else None
        else:
            values = [decided.get(label, ...) for label in self.labels]
            kinds = [*map(type, values)]
            key = (*values, *kinds) if _REMEMBERED.issuperset(kinds) else None
        if key is None:
            return bool(self._computed(decided, _NOTHING))
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            known = self._known[key] = bool(self._computed(decided, _NOTHING))
        return known

    def _computed(self, decided: Mapping[str, Value], undecided: Collection[str]) -> bool | None:
        result: bool | None = False
        for alternative in self._needed:
            outcome = _all_hold(alternative, decided, undecided)
            if outcome is True:
                return True
            if outcome is None:
                result = None
        return result


def _all_hold(
    alternative: tuple[tuple[Expression, tuple[str, ...]], ...],
    decided: Mapping[str, Value],
    undecided: Collection[str],
) -> bool | None:
    result: bool | None = True
    for expression, labels in alternative:
        missing = [label for label in labels if label not in decided]
        if not missing:
            if not expression.evaluate(decided):
                return False
        elif all(label in undecided for label in missing):
            result = None
        else:
            return False
    return result
