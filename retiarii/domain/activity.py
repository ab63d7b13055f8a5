"""When a choice is active."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from retiarii.domain.expression import Expression
from retiarii.domain.functions import expression_from_json
from retiarii.domain.value import Value
from retiarii.errors import DomainError

# Holds if all expressions of at least one alternative are true.
Alternatives: TypeAlias = tuple[tuple[Expression, ...], ...]

_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, init=False, eq=False)
class Condition:
    """Alternatives over plain symbols. An expression over a label that is inactive is false.

    Raises:
        DomainError: An alternative holds something else than expressions.
    """

    alternatives: Alternatives
    _needed: tuple[tuple[tuple[Expression, tuple[str, ...]], ...], ...] = field(repr=False)

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

    @property
    def labels(self) -> tuple[str, ...]:
        """The distinct labels in it, in order of first appearance."""
        needed = [label for alternative in self._needed for _, labels in alternative for label in labels]
        return tuple(dict.fromkeys(needed))

    def to_json(self) -> str:
        """A text that is equal for equal conditions."""
        return json.dumps([[expression.to_json() for expression in every] for every in self.alternatives])

    def verdict(self, decided: Mapping[str, Value], undecided: Collection[str] = _NOTHING) -> bool | None:
        """Whether it holds; None if that depends on the labels in `undecided`.

        Args:
            decided: The values of the active choices decided so far.
            undecided: Labels that are or may become active. A label that is in neither is inactive.
        """
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
