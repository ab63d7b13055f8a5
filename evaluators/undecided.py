"""Arguments that are open yet, where values are needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retiarii.domain import Expression
from retiarii.errors import ExperimentError


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
