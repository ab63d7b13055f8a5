"""How a choice module says, while its forward is traced, that a choice is made here."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from retiarii.domain.expression import Expression
from retiarii.graph.chosen import ChosenInputs
from retiarii.graph.structure import alike, parts, remade


def select(choice: Expression, keys: Sequence[Any], options: Sequence[Any]) -> Any:
    """The one of `options` whose key is the value of `choice`: recorded, not decided; part by part where all are nests.

    Args:
        choice: the expression that decides.
        keys: its value for each option.
        options: values of the same structure and shapes.
    """
    first = options[0]
    if parts(first) is not None and all(alike(first, other) for other in options):
        nests = [parts(option) or {} for option in options]
        return remade(first, {name: select(choice, keys, [nest[name] for nest in nests]) for name in nests[0]})
    if all(option is None for option in options):
        return None
    return current_tracer().choice(select, (choice, tuple(keys), tuple(options)), options, _first)


def combine(
    choice: Expression, reduction: str, options: Sequence[Any], shown: Sequence[int], dimension: int = 1
) -> Any:
    """Those of `options` whose indices are the value of `choice`, reduced: recorded, not decided.

    Args:
        choice: the expression that decides.
        reduction: see `ChosenInputs`.
        options: tensors of the same shape.
        shown: the indices that stand for what may be chosen.
        dimension: along which a concatenation goes.
    """

    def example(given: Sequence[Any]) -> Any:
        return ChosenInputs.reduced([given[index] for index in shown], reduction, dimension)

    return current_tracer().choice(combine, (choice, reduction, tuple(options), dimension), options, example)


def _first(given: Sequence[Any]) -> Any:
    return given[0]


at_work: list[tuple[Any, int]] = []
"""The tracers at work, the innermost last, each with its thread; only one thread at a time has any."""


def current_tracer() -> Any:
    """The tracer at work in this thread, or None."""
    if not at_work:  # looked at first, since compiled models ask, and this is what torch.compile understands
        return None
    tracer, thread = at_work[-1]
    return tracer if thread == threading.get_ident() else None
