"""Weighing what one layer computes with several decided arguments, all with parts of the same weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from retiarii.domain.nested import contains_expression, symbols_in
from retiarii.errors import SpaceError
from retiarii.graph.structure import alike, flat, map_structure
from retiarii.strategies.one_shot.channels import Channels, channels_of
from retiarii.strategies.one_shot.gates import gated
from retiarii.strategies.one_shot.masks import masks_of
from retiarii.strategies.one_shot.ways import Ways


def mixed(layer: nn.Module, ways: Ways, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    """The weighed sum of what a layer gives with each of several decided arguments.

    Each takes the leading channels of the inputs, and is padded with zeros, at the end of the channels, to the widest.
    A layer that is linear in its weights is computed once, with each weight multiplied by the sum of the weights of
    the arguments that use it; the others once for all arguments. Both ways give the same up to rounding, but for
    the running statistics of batch normalization, which follow the input once in the first way and once for each
    arguments in the second. Where not all of them are trained, the first is taken, with a gate of 1; see `gated`.

    Source: Single-Path NAS (arXiv:1904.02877) for kernels, FBNetV2 (arXiv:2004.05565) for channels.

    Args:
        layer: a grown layer; see `retiarii.nn.growth.grow`.
        ways: the arguments, as the layer's `undecided` expression gives them, and their weights.
        inputs: those of the layer's forward given by position.
        named: those given by name.

    Raises:
        SpaceError: the results differ in more than the number of their channels.
    """
    if len(ways.values) == 1:
        return _scaled(cast("Any", layer).run(ways.values[0], inputs, named), ways.scalars[0])
    if ways.trained == len(ways.values) and len(inputs) == 1 and not named:
        masks = masks_of(layer, ways.values)
        if masks is not None:
            return masks.run(cast("Any", layer), cast("Tensor", ways.weights), inputs[0])
    results = [_computed(layer, ways, place, inputs, named) for place in range(len(ways.values))]
    return _Joined(layer, channels_of(cast("Any", layer).narrow(ways.values[0])), ways).of(results)


def masked(parameter: Tensor, ways: Ways) -> Tensor:
    """The weighed sum of the leading parts of several shapes of a parameter, padded with zeros at the end.

    Args:
        parameter: in no dimension smaller than any of the shapes.
        ways: the shapes and their weights.
    """
    largest = tuple(map(max, *ways.values)) if len(ways.values) > 1 else ways.values[0]
    whole = parameter[tuple(map(slice, largest))]
    total = parameter.new_zeros(largest)
    for place, (shape, weight) in enumerate(zip(ways.values, ways.scalars, strict=True)):
        part = whole[tuple(map(slice, shape))]
        total = total + _padded((part if place < ways.trained else part.detach()) * weight, largest)
    return total


def _computed(layer: nn.Module, ways: Ways, place: int, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    """What the layer gives with one of the arguments."""
    is_trained = place < ways.trained
    with torch.set_grad_enabled(is_trained and torch.is_grad_enabled()):
        narrow = cast("Any", layer).narrow(ways.values[place])
        taken, taken_named = channels_of(narrow).leading(inputs, named)
        return narrow.forward(*taken, **taken_named)


def _scaled(result: Any, weight: Tensor) -> Any:
    return map_structure(lambda tensor: None if tensor is None else tensor * weight, result)


class _Joined:
    """Makes one of several results that differ in the number of their channels."""

    def __init__(self, layer: nn.Module, channels: Channels, ways: Ways) -> None:
        self.layer = layer
        self.channels = channels
        self.ways = ways

    def of(self, results: list[Any]) -> Any:
        """The weighed sum of nests of tensors, each padded with zeros at the end of the channels."""
        if not all(alike(results[0], result) for result in results):
            raise self._error("give different kinds of results")
        leaves = zip(*map(flat, results), strict=True)
        joined = iter([None if any(leaf is None for leaf in each) else self._joined(each) for each in leaves])
        return map_structure(lambda _: next(joined), results[0])

    def _joined(self, tensors: Sequence[Tensor]) -> Tensor:
        for other in tensors[1:]:
            if tensors[0].dim() != other.dim() or self._differ_elsewhere(tensors[0], other):
                raise self._error(f"give tensors of shapes {tuple(tensors[0].shape)} and {tuple(other.shape)}")
        shape = tuple(map(max, *[tensor.shape for tensor in tensors]))
        if self.ways.trained < len(tensors):
            taken, *others = [_padded(tensor, shape) for tensor in tensors]
            return gated(cast("Tensor", self.ways.weights), taken, others)
        weighed = [tensor * weight for tensor, weight in zip(tensors, self.ways.scalars, strict=True)]
        return reduce(torch.add, [_padded(tensor, shape) for tensor in weighed])

    def _differ_elsewhere(self, total: Tensor, more: Tensor) -> bool:
        sizes = enumerate(zip(total.shape, more.shape, strict=True))
        differing = {dimension for dimension, (first, second) in sizes if first != second}
        return not differing <= {*self.channels.dimensions(total)}

    def _error(self, what: str) -> SpaceError:
        arguments = cast("Any", self.layer).choice_arguments
        undecided = {name: value for name, value in arguments.items() if contains_expression(value)}
        labels = dict.fromkeys([repr(symbol.label) for symbol in symbols_in(undecided)])
        given = ", ".join([f"{name}={value!r}" for name, value in undecided.items()])
        return SpaceError(
            f"the values of {', '.join(labels)} make nn.{type(self.layer).__name__}({given}) {what}, which can't be "
            "weighed: let them differ in channels alone, such as by a padding that goes with the kernel size, or "
            "sample one at a time, by RandomOneShot or ENAS"
        )


def _padded(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    missing = [
        more for size, whole in zip(reversed(tensor.shape), reversed(shape), strict=True) for more in (0, whole - size)
    ]
    return functional.pad(tensor, missing) if any(missing) else tensor
