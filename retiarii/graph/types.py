"""What the code of a forward names itself: `isinstance` for recorded values, and custom autograd functions."""

from __future__ import annotations

import builtins
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn

from retiarii.errors import TraceError
from retiarii.graph.interception import looked_up
from retiarii.graph.proxy import Value

_MISSING: Any = object()
_UNKNOWN_FUNCTIONS = ("getattr", "getitem", "split", "chunk", "unbind", "topk", "max", "min", "sort", "size", "shape")
_UNKNOWN_LAYERS = (nn.RNNBase, nn.MultiheadAttention, nn.LSTMCell)


class TypeQuestions:
    """Answers `isinstance(x, torch.Tensor)` and the like for recorded values, in the modules that are traced.

    Arguments of the model and results of layers and of most functions are tensors. Where that is not certain, asking is
    an error, so that the module stays opaque instead of going a wrong way. Global names for `Class.apply` of a custom
    autograd function are looked up anew, so that tracing sees their calls.
    """

    def __init__(self) -> None:
        self._patched: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}
        self._functions: list[tuple[Any, str, Any]] = []

    def watch(self, module: nn.Module) -> None:
        """Let the code of this module's class ask."""
        forward = inspect.unwrap(type(module).forward)
        names = getattr(forward, "__globals__", None)
        if names is None or id(names) in self._patched:
            return
        if not self._patched:
            self._patch(torch, "is_tensor", lambda value: _isinstance(value, torch.Tensor))
            self._patch(torch.jit, "isinstance", _jit_isinstance(torch.jit.isinstance))
        found = {name: by_class for name, value in names.items() if (by_class := looked_up(value)) is not None}
        found["isinstance"] = _isinstance
        if "type" in forward.__code__.co_names:
            found["type"] = _Type
        self._patched[id(names)] = names, {name: names.get(name, _MISSING) for name in found}
        names.update(found)

    def _patch(self, owner: Any, name: str, function: Callable[..., Any]) -> None:
        self._functions.append((owner, name, getattr(owner, name)))
        setattr(owner, name, function)

    def restore(self) -> None:
        """Leave everything as it was."""
        for names, before in self._patched.values():
            names.update(before)
            for name in [name for name, value in before.items() if value is _MISSING]:
                del names[name]
        for owner, name, function in self._functions:
            setattr(owner, name, function)
        self._patched, self._functions = {}, []


def _isinstance(value: Any, kinds: Any) -> bool:
    if not builtins.isinstance(value, Value):
        return builtins.isinstance(value, kinds)
    if not _is_tensor(value):
        raise TraceError("it asks for the type of a value, which is not known without an example input")
    kinds = kinds if builtins.isinstance(kinds, tuple) else (kinds,)
    return any(kind is torch.Tensor or kind is fx.Proxy for kind in kinds)


class _AskedType(type):
    """The class of a `type` that knows what recorded values are."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and builtins.isinstance(args[0], Value):
            _isinstance(args[0], torch.Tensor)
            return torch.Tensor
        return builtins.type(*args, **kwargs)

    def __instancecheck__(cls, instance: Any) -> bool:
        return builtins.isinstance(instance, builtins.type)


class _Type(metaclass=_AskedType):
    """Stands for `type` in the code that is traced."""


def _is_tensor(value: Value) -> bool:
    node = value.node
    if node.op == "call_module":
        tracer: Any = value.tracer
        path = str(node.target)
        module = tracer.extra.get(path) or tracer.root.get_submodule(path)
        return not builtins.isinstance(module, _UNKNOWN_LAYERS)
    name = node.target if builtins.isinstance(node.target, str) else node.target.__name__
    return name not in _UNKNOWN_FUNCTIONS


def _jit_isinstance(original: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def ask(value: Any, kind: Any) -> bool:
        return _isinstance(value, kind) if builtins.isinstance(value, Value) else original(value, kind)

    return ask
