"""What a module is made of: attributes, tensors and submodules, as data, and what refers to what inside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from retiarii.domain.nested import contains_expression
from retiarii.graph.assembly import refers
from retiarii.graph.held import Holdings, importable, members
from retiarii.graph.layers import describe_layer
from retiarii.graph.spec import ChoiceSpec, LayerSpec, OpaqueSpec, Spec, TensorSpec
from retiarii.graph.tensors import describe_tensor
from retiarii.graph.values import Argument, Held

_MACHINERY = frozenset(vars(nn.Module()))
_HOOKS = tuple(name for name in sorted(_MACHINERY) if name.endswith("_hooks"))

Describe = Callable[[nn.Module], Spec]


class Anatomy:
    """The make-up of a module that is no layer.

    Attributes:
        spec: the description; what refers to a part of the module stands under its dotted path in `attributes`.
        unwritable: the values that can't be written, by dotted path.
        has_values: whether the values of some tensors tell modules of the class apart: those that the state dict says
            nothing of, and parameters that hold one number.
    """

    def __init__(self, module: nn.Module, describe: Describe) -> None:
        """Look at a module; `describe` tells of modules outside its tree, and of choices."""
        self.unwritable: dict[str, Any] = {}
        self.has_values = False
        self._describe = describe
        self._places: dict[int, Held] = {}
        self._late: dict[str, Argument] = {}
        self._undecided: set[int] = set()
        self._holdings = Holdings(self._known)
        self._visit(module, "")
        spec = self._opaque(module, "")
        self.spec = replace(spec, attributes={**spec.attributes, **self._late}, cache={})

    def _visit(self, part: Any, path: str, kind: str = "module") -> None:
        """Remember where a part stands, and all below it; where it also stands elsewhere, that it is the same."""
        known = self._places.setdefault(id(part), Held("child", {"of": kind, "path": path}))
        if known.parts["path"] != path:
            self._late[path] = known
        elif isinstance(part, nn.Module) and is_choice(part):
            self._undecided.update(id(below) for below in (*part.modules(), *part.parameters()) if below is not part)
        elif isinstance(part, nn.Module):
            for name, below_kind, below in _registered(part):
                self._visit(below, _joined(path, name), below_kind)

    def _known(self, value: Any) -> Argument | None:
        if id(value) in self._undecided:
            raise LookupError("a part of a choice that is still open")
        if isinstance(value, nn.Module):
            return self._places.get(id(value)) or self._describe(value)
        if isinstance(value, torch.Tensor):
            known = self._places.get(id(value))
            self.has_values = self.has_values or known is None
            return known
        return None

    def _described(self, module: nn.Module, path: str) -> Spec:
        layer = describe_layer(module)
        if layer is not None:
            self.has_values = self.has_values or any(isinstance(value, Held) for value in layer.arguments.values())
            return layer
        return self._describe(module) if is_choice(module) else self._opaque(module, path)

    def _opaque(self, module: nn.Module, path: str) -> OpaqueSpec:
        cls = type(module)
        unwritable = self._hooks(module, path)
        try:
            name = importable(cls)
        except LookupError as error:
            name, unwritable["__class__"] = f"{cls.__module__}.{cls.__qualname__}", str(error)
        if isinstance(module, torch.jit.ScriptModule):
            return OpaqueSpec(name, {}, {}, {}, "", {"__class__": "it is compiled by TorchScript"})
        attributes = self._attributes(module, path, unwritable) | _empty(module)
        tensors = self._tensors(module, unwritable)
        below = {inner: child for inner, child in module._modules.items() if child is not None}
        children = {inner: self._described(child, _joined(path, inner)) for inner, child in below.items()}
        return OpaqueSpec(name, attributes, tensors, children, "", unwritable)

    def _hooks(self, module: nn.Module, path: str) -> dict[str, str]:
        found = {name: tuple(hooks.values()) for name in _HOOKS if (hooks := vars(module).get(name))}
        self.unwritable.update({_joined(path, name): hooks for name, hooks in found.items()})
        return dict.fromkeys(found, "a hook is code that belongs to one instance")

    def _attributes(self, module: nn.Module, path: str, unwritable: dict[str, str]) -> dict[str, Argument]:
        attributes: dict[str, Argument] = {}
        derived = getattr(type(module), "__derived_attributes__", ())
        for name, value in members(module):
            if name in _MACHINERY or name in derived:
                continue
            where = _joined(path, name)
            try:
                written = self._holdings.held(value)
            except LookupError as error:
                unwritable[name], self.unwritable[where] = str(error), value
                continue
            if path and refers(written):
                self._late[where] = written
            else:
                attributes[name] = written
        return attributes

    def _tensors(self, module: nn.Module, unwritable: dict[str, str]) -> dict[str, TensorSpec]:
        tensors: dict[str, TensorSpec] = {}
        for name, tensor in (*module._parameters.items(), *module._buffers.items()):
            if tensor is None:
                continue
            is_lasting = name not in module._non_persistent_buffers_set
            self.has_values = self.has_values or not is_lasting
            if is_lazy(tensor):
                unwritable[name] = "it has no shape yet: run the model once before"
            elif tensor.is_meta and not isinstance(tensor, nn.Parameter):
                unwritable[name] = "a buffer on the meta device, which has no values"
                tensors[name] = _valueless(tensor, is_lasting)
            else:
                tensors[name] = describe_tensor(tensor, persistent=is_lasting)
                self.has_values = self.has_values or is_filled(tensors[name])
        return tensors


def is_choice(module: nn.Module) -> bool:
    """Whether a module stands for a choice that is still open."""
    return hasattr(type(module), "__choice_spec__") or "__choice_spec__" in module.__dict__


def is_open(spec: Spec) -> bool:
    """Whether a description waits for a decision."""
    if isinstance(spec, ChoiceSpec):
        return True
    given = spec.arguments if isinstance(spec, LayerSpec) else spec.attributes
    return contains_expression(dict(given)) or any(is_open(child) for child in spec.children.values())


def is_filled(tensor: TensorSpec) -> bool:
    """Whether a tensor is a parameter that holds one number throughout."""
    return tensor.kind == "parameter" and "fill" in tensor.values


def _registered(module: nn.Module) -> Iterator[tuple[str, str, Any]]:
    """Name, kind and object of what a module registers."""
    tables = ("parameter", module._parameters), ("buffer", module._buffers), ("module", module._modules)
    return ((name, kind, part) for kind, table in tables for name, part in table.items() if part is not None)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _empty(module: nn.Module) -> dict[str, Held]:
    """The names that are registered without a tensor or module."""
    temporary = module._non_persistent_buffers_set
    kinds: Mapping[str, Mapping[str, Any]] = {
        "parameter": module._parameters,
        "buffer": {name: buffer for name, buffer in module._buffers.items() if name not in temporary},
        "temporary": {name: buffer for name, buffer in module._buffers.items() if name in temporary},
        "module": module._modules,
    }
    return {name: Held("empty", {"of": kind}) for kind, table in kinds.items() for name in table if table[name] is None}


def _valueless(tensor: torch.Tensor, is_lasting: bool) -> TensorSpec:
    name = str(tensor.dtype).removeprefix("torch.")
    return TensorSpec("buffer", tuple(tensor.shape), name, {"fill": 0}, False, is_lasting)
