"""How choices are decided in one pass through a supernet: one way, or several at once with weights."""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from retiarii.domain.expression import Decided, Expression, Symbol
from retiarii.domain.value import frozen
from retiarii.errors import SpaceError

MOST_JOINT = 100_000
"""As many joint decisions of an expression's labels are told apart."""


@dataclass(frozen=True)
class Ways:
    """What an expression may be in this pass.

    Attributes:
        values: those that count, each once; lists are tuples.
        weights: one number for each, shape (n,), which the results are multiplied with; None for one value that is
            simply taken.
        trained: how many of the values, from the first on, pass gradients on; the rest is computed without. Where there
            is a rest, the weights are binary gates: 1 for the first value, 0 for the others.
        scalars: the weights one by one.
    """

    values: tuple[Any, ...]
    weights: Tensor | None = None
    trained: int = 1
    scalars: tuple[Tensor, ...] = field(init=False, repr=False, default=())

    def __post_init__(self) -> None:
        if self.weights is not None:
            object.__setattr__(self, "scalars", self.weights.unbind())

    @property
    def is_path(self) -> bool:
        """Whether the one value is simply taken."""
        return self.weights is None

    @classmethod
    def path(cls, value: Any) -> Ways:
        """One value, simply taken."""
        return cls((frozen(value),))


class Joint:
    """From the ways of labels to those of an expression over them.

    Labels are taken as independent. Joint decisions that come to the same value are added up.

    Args:
        expression: Over labels that have ways.
    """

    def __init__(self, expression: Expression) -> None:
        self.expression = expression
        self.labels = expression.labels
        self._is_symbol = isinstance(expression, Symbol)
        self._tables: dict[Hashable, _Table] = {}

    def ways(self, labels: Mapping[str, Ways]) -> Ways:
        """The ways of the expression.

        Raises:
            SpaceError: there are too many joint decisions.
        """
        own = [labels[label] for label in self.labels]
        if self._is_symbol:
            return own[0]
        table = self._table(own)
        if all(ways.is_path for ways in own):
            return Ways(table.values)
        return Ways(table.values, table.weights(own), table.trained)

    def _table(self, own: list[Ways]) -> _Table:
        key = tuple([(ways.values, ways.trained) for ways in own])
        if key not in self._tables:
            if len(self._tables) > _MOST_TABLES:
                self._tables.clear()
            self._tables[key] = _Table(self.expression, self.labels, own)
        return self._tables[key]


_MOST_TABLES = 1024


class _Table:
    """Which joint decisions come to which value."""

    def __init__(self, expression: Expression, labels: tuple[str, ...], own: list[Ways]) -> None:
        count = math.prod([len(ways.values) for ways in own])
        if count > MOST_JOINT:
            raise SpaceError(
                f"{expression!r} depends on {len(labels)} choices ({', '.join(labels)}), which can be decided in "
                f"{count} ways; at most {MOST_JOINT} can be weighed at once: let a sampling method search this "
                "space, such as RandomOneShot or ENAS"
            )
        found: dict[Any, list[list[int]]] = {}
        trained: dict[Any, None] = {}
        for indices in itertools.product(*[range(len(ways.values)) for ways in own]):
            sample = {label: ways.values[index] for label, ways, index in zip(labels, own, indices, strict=True)}
            value = frozen(expression.evaluate(Decided(sample)))
            found.setdefault(_typed(value), []).append(list(indices))
            if all(index < max(ways.trained, 1) for ways, index in zip(own, indices, strict=True)):
                trained[_typed(value)] = None
        order = [*trained, *[key for key in found if key not in trained]]
        self.values = tuple([value for _, value in order])
        self.trained = len(trained)
        self._where = torch.tensor([place for place, key in enumerate(order) for _ in found[key]])
        self._indices = torch.tensor([indices for key in order for indices in found[key]])

    def weights(self, own: list[Ways]) -> Tensor:
        weighed = [(place, ways.weights) for place, ways in enumerate(own) if ways.weights is not None]
        device = weighed[0][1].device
        if self._where.device != device:
            self._where, self._indices = self._where.to(device), self._indices.to(device)
        product = torch.ones((), device=device, dtype=weighed[0][1].dtype)
        for place, weights in weighed:
            product = product * weights[self._indices[:, place]]
        return product.new_zeros(len(self.values)).index_add(0, self._where, product)


def _typed(value: Any) -> tuple[Any, Any]:
    """A value with its type, so that 1, 1.0 and True are told apart."""
    return type(value), value
