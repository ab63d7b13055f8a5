"""What is recorded of each call of torch, while a forward runs on tensors without storage."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from retiarii.errors import TraceError
from retiarii.graph.factories import FACTORIES, Mode
from retiarii.graph.numbers import Number
from retiarii.graph.structure import flat, map_structure

if TYPE_CHECKING:
    from retiarii.graph.example import ExampleTracer

_FACTS = frozenset(
    [
        "dtype",
        "ndim",
        "requires_grad",
        "layout",
        "is_cuda",
        "is_cpu",
        "is_sparse",
        "is_quantized",
        "is_nested",
        "is_leaf",
        "is_mkldnn",
        "is_mps",
        "is_xla",
        "names",
        "grad",
        "grad_fn",
        "is_meta",
        "itemsize",
        "nbytes",
        "is_xpu",
        "is_vulkan",
        "is_ipu",
        "is_hpu",
        "is_mtia",
        "is_maia",
        "_version",
    ]
)
_QUERIES = frozenset(
    [
        "dim",
        "ndimension",
        "stride",
        "storage_offset",
        "is_contiguous",
        "is_floating_point",
        "is_complex",
        "is_signed",
        "is_conj",
        "is_neg",
        "get_device",
        "element_size",
        "is_inference",
        "is_shared",
        "is_pinned",
        "has_names",
        "_is_view",
        "is_set_to",
        "is_same_size",
        "is_coalesced",
        "__hash__",
        "__repr__",
        "__format__",
        "type_as_",
        "data_ptr",
        "untyped_storage",
        "is_nonzero_",
    ]
)
_CONTENTS = frozenset(
    [
        "__bool__",
        "item",
        "tolist",
        "__int__",
        "__float__",
        "__index__",
        "__complex__",
        "numpy",
        "__array__",
        "is_nonzero",
    ]
)
_OPERATORS = {
    **{name: name for name in ("sub", "mul", "matmul", "pow", "neg", "eq", "ne", "lt", "le", "gt", "ge")},
    **{"add": "add", "div": "truediv", "floor_divide": "floordiv", "remainder": "mod", "bitwise_not": "invert"},
    **{"__and__": "and_", "__or__": "or_", "__xor__": "xor", "__eq__": "eq", "__ne__": "ne", "__invert__": "invert"},
    **{"__getitem__": "getitem", "__setitem__": "setitem", "__floordiv__": "floordiv", "__mod__": "mod"},
    **{"add_": "iadd", "sub_": "isub", "mul_": "imul", "div_": "itruediv"},
}
_REVERSED = {
    "__rsub__": "sub",
    "__rdiv__": "truediv",
    "__rpow__": "pow",
    "__rfloordiv__": "floordiv",
    "__rmatmul__": "matmul",
}


_FROM_DATA = (torch.tensor, torch.as_tensor, torch.from_numpy, torch.asarray)
_FEW = 64
_DYADIC = 2


class RecordMode(Mode):
    """Sees every call of torch: answers what is known, records the rest, and computes the shapes of its results."""

    tracer: ExampleTracer

    def seen(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Recorded and computed, computed alone while the tracer pauses, or answered."""
        if self.tracer.is_paused:
            return self._compute(func, args, kwargs)
        name = func.__name__
        if name == "__get__":
            return self._attribute(func, args[0])
        if name == "__set__" and func.__self__.__name__ == "requires_grad":
            return self._record(torch.Tensor.requires_grad_, args, kwargs)
        if name == "__set__":
            raise TraceError(f"it sets the attribute {func.__self__.__name__!r} of a tensor")
        if name in _CONTENTS:
            raise TraceError("the content of a tensor decides what is done")
        if name == "size" or (name in ("__len__", "numel", "nelement") and args):
            return self._size(name, *args, **kwargs)
        if name in _QUERIES:
            return self._compute(func, args, kwargs)
        return self._record(func, args, kwargs)

    def _compute(self, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        given, named = map_structure(self.tracer.plain, (tuple(args), dict(kwargs)))
        if func in FACTORIES:
            named = {**named, "device": "meta"}
        elif func.__name__ in ("to", "cuda", "cpu"):
            given = _without_devices(given)
            named = {key: value for key, value in named.items() if key != "device"}
            if func.__name__ != "to":
                return given[0]
        elif named.get("device") is not None:
            named = {**named, "device": "meta"}
        return func(*given, **named)

    def _record(self, func: Any, args: Any, kwargs: Any) -> Any:
        tracer = self.tracer
        if func in _FROM_DATA and args and not _is_short(args[0]):
            return func(*args, **kwargs)
        node = self._node(func, tracer.create_arg(tuple(args)), tracer.create_arg(kwargs))
        with torch.no_grad():
            value = self._compute(func, args, kwargs)
        if value is not None and not isinstance(value, torch.Tensor | tuple | list | dict):
            tracer.graph.erase_node(node)
            return value
        inputs = [leaf for leaf in flat(args) if isinstance(leaf, torch.Tensor)]
        if (
            isinstance(value, torch.Tensor)
            and not _is_in_place(func)
            and any(value is tracer.plain(leaf) for leaf in inputs)
        ):
            value = value.detach()
        if _is_in_place(func) and inputs and not inputs[0].is_meta:
            raise TraceError("it changes a stored tensor in place")
        return tracer.track(value, node)

    def _node(self, func: Any, args: Any, kwargs: Any) -> fx.Node:
        import operator  # noqa: PLC0415  only names are taken from it

        tracer = self.tracer
        name = func.__name__
        if not _is_method(func):
            return tracer.create_node("call_function", func, args, kwargs)
        if name in _REVERSED and len(args) == _DYADIC:
            return tracer.create_node("call_function", getattr(operator, _REVERSED[name]), args[::-1], {})
        known = _OPERATORS.get(name)
        if known is not None and not kwargs and len(args) <= _DYADIC + 1:
            return tracer.create_node("call_function", getattr(operator, known), args, {})
        return tracer.create_node("call_method", name, args, kwargs)

    def _attribute(self, func: Any, tensor: torch.Tensor) -> Any:
        name = func.__self__.__name__
        tracer = self.tracer
        if name == "shape":
            return self._size("size", tensor)
        if name == "device":
            return tracer.DEVICE if tracer.node_of(tensor) is not None else tensor.device
        if name in _FACTS:
            return False if name == "is_meta" else func(tensor)
        node = tracer.create_node("call_function", getattr, (tracer.create_arg(tensor), name), {})
        with torch.no_grad():
            return tracer.track(func(tracer.shadow(tensor)), node)

    def _size(self, name: str, tensor: torch.Tensor, dim: int | None = None) -> Any:
        shape = self.tracer.shadow(tensor).shape
        if self.tracer.node_of(tensor) is None:
            known = {"__len__": shape[0] if shape else 0, "size": shape if dim is None else shape[dim]}
            return known.get(name, shape.numel())
        if name in ("numel", "nelement"):
            return self._number(shape.numel(), tensor, "numel")
        if name == "__len__":
            return self._number(shape[0], tensor, "size", 0)
        if dim is not None:
            return self._number(shape[dim], tensor, "size", int(dim))
        return torch.Size([self._number(size, tensor, "size", at) for at, size in enumerate(shape)])

    def _number(self, value: int, tensor: torch.Tensor, method: str, *where: int) -> Number:
        tracer = self.tracer
        source = tracer.node_of(tensor)

        def create() -> fx.Node:
            key = (source, method, *where)
            return tracer.cached(key, lambda: tracer.create_node("call_method", method, (source, *where), {}))

        return Number.made(int(value), tracer, create)


def _is_method(func: Any) -> bool:
    return isinstance(func, types.MethodDescriptorType | types.WrapperDescriptorType) or (
        isinstance(func, types.FunctionType) and func.__qualname__.startswith(("Tensor.", "TensorBase."))
    )


def _is_short(data: Any) -> bool:
    """Whether data for a tensor are few plain numbers, which can be recorded as they are."""
    items = list(flat(data))
    return len(items) <= _FEW and all(isinstance(item, bool | int | float | complex | torch.Tensor) for item in items)


def _is_in_place(func: Any) -> bool:
    name: str = func.__name__
    return name == "__setitem__" or (name.endswith("_") and not name.endswith("__")) or name.startswith("__i")


def _without_devices(given: Any) -> Any:
    first, *rest = given
    return (first, *[item for item in rest if not isinstance(item, torch.device | str)])
