"""What the choices of a supernet are told: to take one way, or to weigh several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, cast

import torch
from torch import Tensor, nn

from retiarii.domain.expression import Expression
from retiarii.errors import SpaceError
from retiarii.graph.chosen import ChosenInputs
from retiarii.graph.structure import parts, remade
from retiarii.nn.answer import Answer, Option
from retiarii.strategies.one_shot.coefficients import coefficients
from retiarii.strategies.one_shot.gates import gated
from retiarii.strategies.one_shot.layers import mixed
from retiarii.strategies.one_shot.plain_values import are_numbers
from retiarii.strategies.one_shot.ways import Joint, Ways


class SuperAnswer(Answer):
    """The ways of an expression in this pass through a supernet.

    Args:
        expression: what is asked for.
        place: what messages call the module that asks, such as "the LayerChoice 'op'".
    """

    def __init__(self, expression: Expression, place: str) -> None:
        super().__init__(expression)
        self.place = place
        self.joint = Joint(expression)
        self.ways: Ways | None = None

    def decided(self) -> Ways:
        """The ways.

        Raises:
            SpaceError: nobody has decided, or the sample leaves it open because it is no part of the model.
        """
        if self.ways is None:
            raise SpaceError(f"{self.place} runs in a supernet that has not decided {self.expression!r}")
        return self.ways

    def value(self) -> Any:
        """The one value; of several numbers, as of widths, the largest.

        Raises:
            SpaceError: there are several values which are no numbers.
        """
        values = self.decided().values
        if len(values) == 1:
            return values[0]
        if not are_numbers(values):
            raise SpaceError(
                f"{self.place} asks for one value of {self.expression!r}, and several count at once ({values}): such a "
                "model can only be sampled, by RandomOneShot or ENAS"
            )
        return max(values)

    def select(self, options: Mapping[Any, Option], run: Callable[[Option], Any]) -> Any:
        ways = self.decided()
        if ways.weights is None:
            return run(options[ways.values[0]])
        if ways.trained < len(ways.values):
            taken, *others = ways.values
            return self._gated(ways.weights, [run(options[taken]), *[_untrained(run, options[key]) for key in others]])
        total: Any = None
        for value, weight in zip(ways.values, ways.scalars, strict=True):
            total = self._added(total, _scaled(run(options[value]), weight))
        return total

    def combine(self, inputs: Sequence[Any], reduction: str, shown: Sequence[int], dimension: int = 1) -> Any:
        ways = self.decided()
        if ways.weights is None:
            return ChosenInputs.reduced([inputs[index] for index in ways.values[0]], reduction, dimension)
        slots = self._slots(ways, inputs, reduction)
        if reduction == "concat":
            return torch.cat(slots, dimension)
        return slots if reduction == "none" else slots[0]

    def run(self, layer: nn.Module, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        ways = self.decided()
        if ways.weights is None:
            return cast("Any", layer).run(ways.values[0], inputs, named)
        return mixed(layer, ways, inputs, named)

    def _slots(self, ways: Ways, inputs: Sequence[Any], reduction: str) -> list[Any]:
        """For each part of what is combined the weighed sum of the inputs that may be it."""
        amounts = coefficients(ways, len(inputs), reduction)
        slots: list[Any] = []
        for parts_of_slot in amounts:
            total: Any = None
            for index, amount, is_trained in parts_of_slot:
                given = inputs[index] if is_trained else inputs[index].detach()
                total = self._added(total, given * amount)
            slots.append(total)
        return slots

    def _added(self, total: Any, more: Any) -> Any:
        if isinstance(total, Tensor) and isinstance(more, Tensor):
            self._check_shapes(total, more)
            return total + more
        if total is None or more is None:
            return more if total is None else total
        ours, theirs = parts(total) or {}, parts(more) or {}
        if ours.keys() != theirs.keys():
            raise SpaceError(
                f"the candidates of {self.place} give {type(total).__name__} and {type(more).__name__} of different "
                "parts, which can't be weighed: make them alike, or sample one at a time, by RandomOneShot or ENAS"
            )
        return remade(total, {name: self._added(ours[name], theirs[name]) for name in ours})

    def _gated(self, gates: Tensor, results: list[Any]) -> Any:
        """The first of several nests of tensors, whose differences the gates learn from; None stands for zeros."""
        known = next((result for result in results if result is not None), None)
        if known is None:
            return None
        inside = parts(known)
        if inside is not None:
            nests = [parts(result) or {} for result in results]
            return remade(known, {name: self._gated(gates, [nest.get(name) for nest in nests]) for name in inside})
        filled = [torch.zeros_like(known) if result is None else result for result in results]
        for other in filled[1:]:
            self._check_shapes(filled[0], other)
        return gated(gates, filled[0], filled[1:])

    def _check_shapes(self, first: Tensor, second: Tensor) -> None:
        if first.shape != second.shape:
            raise SpaceError(
                f"the candidates of {self.place} give tensors of shapes {tuple(first.shape)} and "
                f"{tuple(second.shape)}, which can't be weighed: make them equal, or sample one at a time, by "
                "RandomOneShot or ENAS"
            )

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """An undecided one: what is weighed belongs to one pass through one supernet."""
        return type(self)(self.expression, self.place)


def _untrained(run: Callable[[Option], Any], option: Option) -> Any:
    with torch.no_grad():
        return _mapped(run(option), lambda tensor: tensor.detach())


def _scaled(result: Any, weight: Tensor) -> Any:
    return _mapped(result, lambda tensor: tensor * weight)


def _mapped(result: Any, function: Callable[[Tensor], Tensor]) -> Any:
    """A nest of tensors, each replaced; None stands for nothing."""
    if result is None:
        return None
    if isinstance(result, Tensor):
        return function(result)
    nest = parts(result)
    if nest is None:
        raise SpaceError(f"a candidate gives {type(result).__name__}, which can't be weighed; let it give tensors")
    return remade(result, {name: _mapped(value, function) for name, value in nest.items()})
