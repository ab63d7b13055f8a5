"""What modules that are made of several choices have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from torch import nn

from retiarii.domain.expression import Expression
from retiarii.nn.choice import ChoiceModule, given_label, provisional_label
from retiarii.nn.value_choice import ValueChoice

Inner = TypeVar("Inner", bound=ChoiceModule | ValueChoice)


class Compound(nn.Module):
    """A module of several choices, whose labels begin with its own.

    Attributes:
        label: its name; the path in the space, where it was given none.
        is_labelled: whether the user gave the label.
    """

    __derived_attributes__ = ("_inner",)

    def __init__(self, label: str | None) -> None:
        super().__init__()
        kind = type(self).__name__
        wanted = given_label(kind, label, None)
        self.is_labelled = wanted is not None
        self.label = wanted if wanted is not None else provisional_label(kind)
        self._inner: list[tuple[ChoiceModule | ValueChoice, str]] = []

    def within(self, name: str) -> str:
        """The label of one of its choices."""
        return f"{self.label}/{name}"

    def named(self, choice: Inner, name: str) -> Inner:
        """Give one of its choices the label `<own label>/<name>`, and the choice back."""
        self._inner.append((choice, name))
        choice.label, choice.is_labelled = self.within(name), True
        return choice

    def undecided(self) -> Mapping[str, Expression]:
        """The expressions that its own forward asks for, by names of its own; see `Answer`."""
        return {}

    @property
    def inner(self) -> list[tuple[ChoiceModule | ValueChoice, str]]:
        """Its choices and their names in it."""
        return self._inner

    def rename(self, label: str) -> None:
        """Give the module another label, and its choices theirs."""
        self.label = label
        for choice, name in self._inner:
            choice.label = self.within(name)

    def extra_repr(self) -> str:
        return f"label={self.label!r}"
