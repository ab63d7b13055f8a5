"""Whether a layer of `torch.nn` is still what its constructor made: the same tensors and layers inside, no hooks."""

from __future__ import annotations

import functools
from collections.abc import Hashable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin

from retiarii.graph.layers import Plan, describe_layer
from retiarii.graph.names import resolve
from retiarii.graph.restored import revived
from retiarii.graph.spec import LayerSpec
from retiarii.graph.turns import unwarned
from retiarii.graph.values import Argument

_STACKS = (nn.TransformerEncoder, nn.TransformerDecoder)


def is_altered(module: nn.Module) -> bool:
    """Whether the module does more or something else than its class says: it has hooks, or a forward of its own."""
    state = module.__dict__
    return bool(
        state["_forward_hooks"]
        or (state["_forward_pre_hooks"] and not _is_lazy_hook(state))
        or state["_backward_hooks"]
        or state["_backward_pre_hooks"]
        or "forward" in state
        or "parametrizations" in state["_modules"]
    )


def is_intact(module: nn.Module, plan: Plan, arguments: Mapping[str, Argument]) -> bool:
    """Whether a layer holds the tensors and layers that its class makes of these arguments."""
    if isinstance(module, _STACKS):
        return _is_stack(module, arguments["num_layers"])
    if not plan.takes_device:
        held = (*module._parameters.items(), *module._buffers.items(), *module._modules.items())
        return all(thing is None or name in arguments for name, thing in held)
    cls: Any = type(module)
    return bool(_parts(module) == _expected(cls, _key(arguments)))


def _is_lazy_hook(state: Mapping[str, Any]) -> bool:
    return "_initialize_hook" in state and len(state["_forward_pre_hooks"]) == 1


def _is_stack(module: Any, depth: int) -> bool:
    """Whether a stack of transformer layers is made of equal ones."""
    if module._parameters or module._buffers or {*module._modules} - {"layers", "norm"}:
        return False
    specs = [describe_layer(layer) for layer in module.layers]
    keys = {None if spec is None else (spec.cls, _key(spec.arguments)) for spec in specs}
    return len(specs) == depth and len(keys) == 1 and None not in keys


def _key(arguments: Mapping[str, Argument]) -> tuple[tuple[str, Hashable], ...]:
    return tuple([(name, _hashable(value)) for name, value in arguments.items()])


def _hashable(value: Argument) -> Hashable:
    if isinstance(value, list | tuple):
        return tuple([_hashable(item) for item in value])
    return (LayerSpec, value.cls, _key(value.arguments)) if isinstance(value, LayerSpec) else value


@functools.lru_cache(maxsize=4096)
def _expected(cls: type[Any], key: tuple[tuple[str, Hashable], ...]) -> Any:
    """The parts of a new layer; None where these arguments make none."""
    with unwarned(), torch._C.DisableTorchFunction():
        try:
            return _parts(_made(cls, key))
        except (TypeError, ValueError, RuntimeError, AssertionError):
            return None


def _made(cls: Any, key: tuple[tuple[str, Any], ...]) -> Any:
    return cls(**{name: _object(value) for name, value in key}, device="meta")


def _object(value: Any) -> Any:
    if isinstance(value, tuple) and value[:1] == (LayerSpec,):
        return _made(resolve(value[1]), value[2])
    return revived(value)


def _parts(module: nn.Module) -> Any:
    """The tensors of a module by shape and type, and what its submodules are."""
    lazy = isinstance(module, LazyModuleMixin)
    tensors = [
        (name, tensor if tensor is None else (None if lazy else tensor.shape, tensor.dtype))
        for table in (module._parameters, module._buffers)
        for name, tensor in table.items()
    ]
    if not module._modules:
        return tensors
    return tensors, [(name, child if child is None else _inside(child)) for name, child in module._modules.items()]


def _inside(child: nn.Module) -> Any:
    if is_altered(child):
        return object()
    spec = describe_layer(child)
    return (type(child), child.extra_repr(), _parts(child)) if spec is None else (spec.cls, _key(spec.arguments))
