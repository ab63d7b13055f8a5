"""Arguments that are open yet, where values are needed."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Self

from retiarii.domain import Expression
from retiarii.errors import ExperimentError
from retiarii.evaluator import Evaluator


class WithArguments(Evaluator):
    """An evaluator that takes arguments by name, which may be left open.

    Attributes:
        arguments: What was given, choices included.
    """

    arguments: Mapping[str, Any]

    def searchable(self) -> Mapping[str, Any]:
        """The arguments."""
        return self.arguments

    def decided(self, values: Mapping[str, Any]) -> Self:
        """A copy with these arguments in place of what was left open."""
        twin = copy.copy(self)
        twin.arguments = {**self.arguments, **values}
        return twin


def refuse_undecided(arguments: Mapping[str, Any]) -> None:
    """Sees that the arguments of an evaluator are values.

    Raises:
        ExperimentError: one is a choice; it says which.
    """
    for name, value in arguments.items():
        if isinstance(value, Expression):
            raise ExperimentError(
                f"the evaluator's {name!r} is left open, which an Experiment decides; without one give a value,"
                f" as in evaluator.decided({{{name!r}: ...}}).evaluate(model)"
            )
