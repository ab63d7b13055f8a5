"""Which parts of a module fit a graph's description of them, so that a built module can share them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from retiarii.graph.layers import describe_layer
from retiarii.graph.spec import LayerSpec, OpaqueSpec, Spec, TensorSpec
from retiarii.graph.values import Held


def fits_layer(module: nn.Module, spec: Spec) -> bool:
    """Whether a module is what the description would make, apart from its weights."""
    if isinstance(spec, LayerSpec):
        found = describe_layer(module)
        return found is not None and is_same(found, spec)
    from retiarii.graph.opaque import describe_module  # noqa: PLC0415  only models with opaque parts need it

    try:
        return is_same(describe_module(module), spec)
    except LookupError:
        return False


def fits_tensor(tensor: torch.Tensor | None, spec: TensorSpec) -> bool:
    """Whether a parameter or buffer has the described shape and type."""
    return (
        tensor is not None
        and isinstance(tensor, nn.Parameter) == (spec.kind == "parameter")
        and tuple(tensor.shape) == spec.shape
        and str(tensor.dtype) == f"torch.{spec.dtype}"
    )


def is_same(left: Any, right: Any) -> bool:
    """Whether two descriptions make the same, whatever their tensors hold."""
    if type(left) is not type(right):
        return isinstance(left, int | float) and isinstance(right, int | float) and left == right
    if isinstance(left, LayerSpec):
        same = left.arguments == right.arguments or is_same(left.arguments, right.arguments)
        return left.cls == right.cls and same
    if isinstance(left, TensorSpec):
        return (left.kind, left.shape, left.dtype, left.persistent) == (
            right.kind,
            right.shape,
            right.dtype,
            right.persistent,
        )
    if isinstance(left, Held):
        return left.kind == right.kind and is_same(left.parts, right.parts)
    if isinstance(left, OpaqueSpec):
        parts = ("cls", "attributes", "tensors", "children", "arguments")
        return all(is_same(getattr(left, part), getattr(right, part)) for part in parts)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(is_same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(is_same, left, right))
    return bool(left == right)
