"""Who decides a space that is run: its defaults, or a supernet that has taken hold of it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from torch import nn

from retiarii.domain.expression import Expression

HELD = "_space_decisions"
"""The attribute of a space that holds what decides it."""


class Decisions(Protocol):
    """What decides a space in place of its defaults, as long as the space holds it."""

    def resolve(self, expression: Expression) -> Any:
        """The value of an expression that forward looks at."""

    def aside(self) -> AbstractContextManager[None]:
        """Within the block the space is as undecided as it was written."""


def decisions_of(space: nn.Module) -> Decisions | None:
    """What decides a space; None where its defaults do."""
    found: Decisions | None = vars(space).get(HELD)
    return found


def undecided(space: nn.Module) -> AbstractContextManager[None]:
    """Within the block a space is as undecided as it was written, for tracing and freezing."""
    decisions = decisions_of(space)
    return nullcontext() if decisions is None else decisions.aside()
