"""Layers for decided arguments that use parts of a larger layer's weights."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from retiarii.domain.expression import Expression
from retiarii.errors import SpaceError
from retiarii.graph.turns import unwarned
from retiarii.nn.slices import Cut, cut, fits

_MOST_KEPT = 1024


class NarrowLayer:
    """A plain layer of torch whose tensors are parts of those of a larger one of the same class.

    Args:
        wide: the larger layer.
        wrapped: the class of the layer.
        arguments: what the plain layer is made with.

    Raises:
        SpaceError: the larger layer lacks a tensor, or has too small a one.
    """

    def __init__(self, wide: nn.Module, wrapped: type[nn.Module], arguments: Mapping[str, Any]) -> None:
        self._root = _Frame(wide, empty_layer(wrapped, arguments), wrapped.__name__)

    def layer(self, is_training: bool) -> nn.Module:
        """The plain layer, for one call of its forward: the parts are taken as the larger layer's tensors are now."""
        return self._root.made(is_training)


class _Frame:
    """A module without tensors, and where it gets them from."""

    def __init__(self, wide: nn.Module, empty: nn.Module, named: str) -> None:
        self._cls = type(empty)
        self._state = dict(vars(empty))
        self._children = {
            name: _Frame(wide.get_submodule(name), child, f"{named}.{name}")
            for name, child in empty._modules.items()
            if child is not None
        }
        self._places: list[tuple[str, dict[str, Any], Cut | None]] = []
        for kind in ("_parameters", "_buffers"):
            own, table = self._state[kind], vars(wide)[kind]
            self._state[kind] = {name: None for name, tensor in own.items() if tensor is None}
            for name, tensor in own.items():
                if tensor is not None:
                    self._places.append((name, table, _cut(empty, name, table, tensor, named)))
        if isinstance(empty, nn.RNNBase):
            self._state["flatten_parameters"] = stay

    def made(self, is_training: bool) -> nn.Module:
        state = dict(self._state)
        for name, table, part in self._places:
            state[name] = table[name] if part is None else part.of(table[name])
        state["training"] = is_training
        if self._children:
            state["_modules"] = dict(state["_modules"])
            for name, child in self._children.items():
                state["_modules"][name] = child.made(is_training)
        module: nn.Module = object.__new__(self._cls)
        object.__setattr__(module, "__dict__", state)
        return module


class NarrowLayers(dict[tuple[Any, ...], NarrowLayer]):
    """The narrow layers of a larger one that were needed so far, by their decided arguments; not copied with it.

    Args:
        arguments: the undecided arguments of the larger layer, as one expression.

    Attributes:
        notes: what others worked out about several of them.
    """

    def __init__(self, arguments: Expression) -> None:
        super().__init__()
        self.arguments = arguments
        self.notes: dict[Any, Any] = {}

    def keep(self, values: tuple[Any, ...], layer: NarrowLayer) -> None:
        """Remember a layer; when there are too many, forget the others."""
        if len(self) >= _MOST_KEPT:
            self.clear()
        self[values] = layer

    def __deepcopy__(self, memo: dict[int, Any]) -> NarrowLayers:
        return NarrowLayers(copy.deepcopy(self.arguments, memo))

    def __reduce__(self) -> tuple[Any, ...]:
        return NarrowLayers, (self.arguments,)


def empty_layer(wrapped: type[nn.Module], arguments: Mapping[str, Any]) -> nn.Module:
    """A layer whose tensors have shapes and no numbers."""
    placed = {**arguments, "device": "meta"} if "device" in arguments else arguments
    with unwarned(), torch.device("meta"):
        return wrapped(**placed)


def _cut(empty: nn.Module, name: str, table: Mapping[str, Any], tensor: torch.Tensor, named: str) -> Cut | None:
    whole = table.get(name)
    if whole is None or not fits(whole.shape, tensor.shape):
        has = "none" if whole is None else f"one of shape {tuple(whole.shape)}"
        raise SpaceError(
            f"nn.{named} needs a {name} of shape {tuple(tensor.shape)} and has {has}: a sample of another space, or a "
            "choice whose shapes lie outside those of its lowest, default and highest value"
        )
    return None if whole.shape == tensor.shape else cut(empty, name, whole.shape, tensor.shape)


def stay() -> None:
    """Instead of laying out weights anew, which belong to the larger layer."""
