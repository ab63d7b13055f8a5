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
from retiarii.graph.names import stand_in
from retiarii.graph.proxy import Value
from retiarii.graph.turns import Call, puts_back

_UNKNOWN_FUNCTIONS = ("getattr", "getitem", "split", "chunk", "unbind", "topk", "max", "min", "sort", "size", "shape")
_UNKNOWN_LAYERS = (nn.RNNBase, nn.MultiheadAttention, nn.LSTMCell)


class TypeQuestions:
    """Answers `isinstance(x, torch.Tensor)` and the like for recorded values, in the modules that are traced.

    Arguments of the model and results of layers and of most functions are tensors. Where that is not certain, asking is
    an error, so that the module stays opaque instead of going a wrong way. Global names for `Class.apply` of a custom
    autograd function are looked up anew, so that tracing sees their calls.

    Attributes:
        undoing: the calls that leave everything as it was.
    """

    def __init__(self) -> None:
        self.undoing: list[Call] = []
        self._patched: set[int] = set()

    def watch(self, module: nn.Module) -> None:
        """Let the code of this module's class ask."""
        forward = inspect.unwrap(type(module).forward)
        names = getattr(forward, "__globals__", None)
        if names is None or id(names) in self._patched:
            return
        if not self._patched:
            self._replace(torch, "is_tensor", lambda value: _isinstance(value, torch.Tensor))
            self._replace(torch.jit, "isinstance", _jit_isinstance(torch.jit.isinstance))
        before = dict(names)  # other threads may add to the names meanwhile
        found = {name: by_class for name, value in before.items() if (by_class := looked_up(value)) is not None}
        found["isinstance"] = _isinstance
        if "type" in forward.__code__.co_names:
            found["type"] = _Type
        self._patched.add(id(names))
        self.undoing += [
            (names.__setitem__, name, before[name]) if name in before else (names.pop, name, None) for name in found
        ]
        names.update(found)

    def _replace(self, owner: Any, name: str, function: Callable[..., Any]) -> None:
        self.undoing.append(puts_back(owner, name))
        setattr(owner, name, stand_in(function, getattr(owner, name)))


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
