"""One layer in place of several that differ in sizes: its weights count as much as the layers that have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from retiarii.nn.layers import decided_arguments
from retiarii.nn.narrow import empty_layer
from retiarii.nn.slices import cut, fits
from retiarii.strategies.one_shot.channels import channels_of

Interval: TypeAlias = tuple[int, int]


class Mask:
    """Which numbers of a tensor each of several layers has.

    Args:
        boxes: for each layer, in each dimension of the tensor, where what it has begins and ends; None for nothing.
        shape: of the tensor.
    """

    def __init__(self, boxes: Sequence[Sequence[Interval] | None], shape: Sequence[int]) -> None:
        self._regions: list[Tensor | None] = []
        self._has = torch.ones(len(boxes), *[1] * len(shape))
        for dimension, size in enumerate(shape):
            intervals = [(0, 0) if box is None else box[dimension] for box in boxes]
            starts = sorted({0, *[edge for interval in intervals for edge in interval if edge < size]})
            has = [[first <= start < end for start in starts] for first, end in intervals]
            self._has = self._has * torch.tensor(has).view(len(boxes), *_along(dimension, len(shape)))
            places = torch.searchsorted(torch.tensor(starts), torch.arange(size), right=True) - 1
            self._regions.append(places if len(starts) > 1 else None)

    def scale(self, weights: Tensor) -> Tensor:
        """The sum of the weights of the layers that have a number, for each number; broadcasts with the tensor.

        Args:
            weights: one for each layer, shape (layers,).
        """
        self._has = self._has.to(weights)
        total = (self._has * weights.view(_along(0, self._has.dim()))).sum(0)
        for dimension, places in enumerate(self._regions):
            if places is not None:
                self._regions[dimension] = moved = places.to(weights.device)
                total = total.index_select(dimension, moved)
        return total


class Masks:
    """The largest of several layers in place of all of them.

    Args:
        largest: the arguments of the layer whose weights hold those of all others.
        parameters: which numbers of each of its parameters the layers have.
        output: which channels of its output, if that is multiplied instead of parameters.
    """

    def __init__(self, largest: tuple[Any, ...], parameters: Mapping[str, Mask], output: Mask | None = None) -> None:
        self.largest = largest
        self._parameters = parameters
        self._output = output

    def run(self, layer: Any, weights: Tensor, x: Tensor) -> Tensor:
        """The weighed sum of what the layers give.

        Args:
            layer: the grown layer.
            weights: one for each of the layers, shape (layers,).
            x: the input, with at least as many channels as the largest takes.
        """
        narrow = layer.narrow(self.largest)
        channels = channels_of(narrow)
        taken, _ = channels.leading((x,), {})
        for name, mask in self._parameters.items():
            whole = getattr(narrow, name)
            narrow.__dict__[name] = whole * mask.scale(weights).to(whole.dtype)
        result: Tensor = narrow.forward(*taken)
        if self._output is None:
            return result
        return result * self._output.scale(weights).view(_along(channels.first, result.dim())).to(result.dtype)


def masks_of(layer: Any, values: tuple[Any, ...]) -> Masks | None:
    """The masks for several decided arguments of a grown layer; None where one layer can't stand for all of them."""
    known = layer.narrow_layers.notes
    if values not in known:
        known[values] = _masks(layer, values)
    masks: Masks | None = known[values]
    return masks


def _masks(layer: Any, values: tuple[Any, ...]) -> Masks | None:
    rule = next((rule for cls, rule in _RULES if isinstance(layer, cls)), None)
    if rule is None:
        return None
    empty = [empty_layer(type(layer).__wraps__, decided_arguments(layer, value)) for value in values]
    largest = max(empty, key=_extent)
    if not all(_holds(largest, each) and rule(largest, each) for each in empty):
        return None
    own = values[empty.index(largest)]
    if isinstance(largest, nn.Embedding) or not [*largest.parameters()]:
        return Masks(own, {}, Mask([[(0, _width(each))] for each in empty], [_width(largest)]))
    return Masks(own, {name: _mask(layer, name, largest, empty) for name, _ in largest.named_parameters()})


def _extent(layer: nn.Module) -> int:
    """How large a layer is; norms may have no tensors."""
    sizes: list[int] = [tensor.numel() for tensor in layer.state_dict().values()]
    features: int = getattr(layer, "num_features", 0)
    return sum(sizes) + features


def _holds(largest: nn.Module, other: nn.Module) -> bool:
    """Whether all tensors of a layer are parts of those of another."""
    own = largest.state_dict()
    return all(name in own and fits(own[name].shape, tensor.shape) for name, tensor in other.state_dict().items())


def _mask(layer: nn.Module, name: str, largest: nn.Module, layers: list[nn.Module]) -> Mask:
    """For one parameter which of its numbers each layer has."""
    whole, shape = layer.get_parameter(name).shape, largest.get_parameter(name).shape
    first = [start for start, _ in _box(layer, name, whole, shape)]
    boxes: list[list[Interval] | None] = []
    for each in layers:
        own = each._parameters.get(name)
        box = None if own is None else _box(layer, name, whole, own.shape)
        boxes.append(box and [(start - before, end - before) for (start, end), before in zip(box, first, strict=True)])
    return Mask(boxes, shape)


def _box(layer: nn.Module, name: str, whole: torch.Size, shape: torch.Size) -> list[Interval]:
    """Where a part of a tensor begins and ends in each dimension."""
    index = cut(layer, name, whole, shape).index
    starts = [part.start or 0 for part in index] + [0] * (len(shape) - len(index))
    return [(start, start + size) for start, size in zip(starts, shape, strict=True)]


def _along(dimension: int, count: int) -> list[int]:
    """The shape of a view of so many dimensions, all in one of them."""
    shape = [1] * count
    shape[dimension] = -1
    return shape


def _width(layer: Any) -> int:
    """How many channels the output of an embedding or a norm has."""
    name = "embedding_dim" if isinstance(layer, nn.Embedding) else "num_features"
    width: int = getattr(layer, name)
    return width


def _agree(layer: Any, other: Any, *names: str) -> bool:
    return all(getattr(layer, name) == getattr(other, name) for name in names)


def _is_centred(layer: Any, other: Any) -> bool:
    """Whether a convolution computes, with a part of another's kernel around the centre, the same places."""
    if not _agree(layer, other, "stride", "dilation", "transposed", "output_padding", "padding_mode"):
        return False
    if layer.padding_mode != "zeros" or not _is_leading(layer, other):
        return False
    sizes = zip(layer.kernel_size, other.kernel_size, layer.dilation, _paddings(layer), _paddings(other), strict=True)
    return all(
        (large - small) % 2 == 0 and 2 * (before - after) == step * (large - small)
        for large, small, step, before, after in sizes
    )


def _is_leading(layer: Any, other: Any) -> bool:
    """Whether a convolution with leading groups, or leading channels of its only group, is a part of another."""
    if layer.groups == other.groups == 1:
        return True
    each, others = [(conv.in_channels / conv.groups, conv.out_channels / conv.groups) for conv in (layer, other)]
    return each == others


def _paddings(layer: Any) -> list[float]:
    """By how much the kernel sticks out on the left, in each dimension."""
    if layer.padding == "same":
        return [step * (size - 1) / 2 for size, step in zip(layer.kernel_size, layer.dilation, strict=True)]
    return [0] * len(layer.kernel_size) if layer.padding == "valid" else list(layer.padding)


_INDEXED = ("num_embeddings", "padding_idx", "max_norm", "scale_grad_by_freq", "sparse")
Rule: TypeAlias = Callable[[Any, Any], bool]
_RULES: tuple[tuple[type[nn.Module], Rule], ...] = (
    (nn.Linear, lambda layer, other: True),
    (_ConvNd, _is_centred),
    (_NormBase, lambda layer, other: _agree(layer, other, "eps", "momentum", "affine", "track_running_stats")),
    (
        nn.Embedding,
        lambda layer, other: layer.max_norm is None and _agree(layer, other, *_INDEXED),
    ),
)
"""By class whether a layer computes a part of what another does, where its weights are part of the other's."""
