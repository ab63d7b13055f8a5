"""What all choices that are modules have in common."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from torch import nn

from retiarii.domain.arithmetic import active_resolver
from retiarii.domain.choice import Choice
from retiarii.domain.expression import Expression, Symbol
from retiarii.errors import SpaceError
from retiarii.graph.choose import current_tracer
from retiarii.graph.spec import LayerSpec, Spec
from retiarii.nn.answer import Answer, answer_of

_numbers = itertools.count(1)
Describe = Callable[[nn.Module], Spec]
Freeze = Callable[[nn.Module], nn.Module | None]
Part = tuple[str, nn.Module, Expression | None]
"""A submodule of a choice: its name, itself, and what must hold for it to be part of a model; None if it always is."""


def given_label(kind: str, label: str | None, key: str | None) -> str | None:
    """The label that a user gave, under either of its names.

    Raises:
        SpaceError: both names are used, the label is no text, or a forward is running.
    """
    if current_tracer() is not None or active_resolver() is not None:
        named = f" labelled {label or key!r}" if label or key else ""
        raise SpaceError(f"a {kind}{named} is made in forward: make it in __init__, so that the space knows it")
    if label is not None and key is not None:
        raise SpaceError(f"{kind} got label={label!r} and key={key!r}; they mean the same, give one")
    wanted = label if label is not None else key
    if wanted is not None and (not isinstance(wanted, str) or not wanted):
        raise SpaceError(f"the label of a {kind} is a non-empty text, not {wanted!r}")
    return wanted


def provisional_label(kind: str) -> str:
    """The name of a choice until the space that holds it gives it one."""
    return f"<{kind} {next(_numbers)}>"


class Decision(Symbol):
    """The value of a choice that is a module.

    Attributes:
        default: the value in a model that no sample has decided.
    """

    default: Any = None


class ChoiceModule(nn.Module):
    """A module that a sample decides.

    Attributes:
        symbol: stands for the value in expressions; its label is the choice's.
        is_labelled: whether the user gave the label; otherwise it is the module's path in the space.
    """

    def __init__(self, label: str | None, key: str | None) -> None:
        super().__init__()
        kind = type(self).__name__
        wanted = given_label(kind, label, key)
        self.is_labelled = wanted is not None
        self.symbol: Expression = Decision(wanted if wanted is not None else provisional_label(kind))

    @property
    def label(self) -> str:
        """The name of the decision; choices of the same label are decided together."""
        return cast("Symbol", self.symbol).label

    @label.setter
    def label(self, label: str) -> None:
        cast("Symbol", self.symbol).label = label

    @property
    @abstractmethod
    def choice(self) -> Choice | None:
        """What strategies see of it; None where something else decides."""

    @property
    def decider(self) -> Expression | None:
        """What decides it, where that is an expression of other choices."""
        return None

    def undecided(self) -> Mapping[str, Expression]:
        """The expressions that its forward asks for, by names of its own; see `Answer`."""
        return {"choice": self.symbol}

    @property
    def answer(self) -> Answer:
        """What tells its forward how it is decided."""
        return answer_of(self, "choice", self.symbol)

    @abstractmethod
    def parts(self) -> Iterable[Part]:
        """Its submodules, and when they are part of a model."""

    @property
    def has_one_part(self) -> bool:
        """Whether just one of its parts is in a model, always."""
        return False

    @abstractmethod
    def decided(self, sample: Mapping[str, Any], freeze: Freeze) -> nn.Module | None:
        """The module in its place in the model that a sample decides; None for none.

        Args:
            sample: decides every active choice.
            freeze: gives the decided form of a submodule.
        """

    @property
    def named(self) -> str:
        """What messages call it."""
        kind = type(self).__name__
        return f"the {kind} {self.label!r}" if self.is_labelled else f"a {kind} without a label"

    def extra_repr(self) -> str:
        return f"label={self.label!r}"


NOT_DESCRIBED = LayerSpec("torch.nn.Identity", {})
"""Stands for a candidate where only its name counts."""


def described(children: dict[str, nn.Module], describe: Describe | None) -> dict[str, Spec]:
    """The descriptions of the candidates, by their names."""
    return {name: describe(child) if describe else NOT_DESCRIBED for name, child in children.items()}
