"""What a traced module is made of: its layers, its own tensors, its scopes, and what stands at several places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import nn

from retiarii.graph.layers import describe_layer
from retiarii.graph.names import import_path
from retiarii.graph.node import Record
from retiarii.graph.opaque import describe_module
from retiarii.graph.operation import Layer, Tensor
from retiarii.graph.spec import ChoiceSpec, Spec, TensorSpec
from retiarii.graph.tensors import describe_tensor

if TYPE_CHECKING:
    from retiarii.graph.tracer import GraphTracer

_class_paths: dict[type, str] = {}


class Inventory:
    """The tables of a graph beside its nodes, in the order in which the module registered things."""

    def __init__(self, tracer: GraphTracer, module: nn.Module, records: Mapping[str, Record]) -> None:
        operations = [record.operation for record in records.values()]
        self.called = {operation.target for operation in operations if isinstance(operation, Layer)}
        self.used = {operation.target for operation in operations if isinstance(operation, Tensor)}
        self.modules: dict[str, Spec] = {}
        self.tensors: dict[str, TensorSpec] = {}
        self.scopes: dict[str, str] = {}
        self.choices: dict[str, ChoiceSpec] = {}
        self.ties: dict[str, str] = {}
        self._tracer = tracer
        self._root = module
        self._seen: dict[int, str] = {}
        self._visit(module, "")
        self._complete()

    def _visit(self, module: nn.Module, path: str) -> None:
        first = self._seen.setdefault(id(module), path)
        if first != path:
            self.ties[path] = first
        elif not self._is_layer(module, path):
            self._visit_scope(module, path)

    def _is_layer(self, module: nn.Module, path: str) -> bool:
        """Take a module that is described whole; whether it is one."""
        spec = self._tracer.specs.get(path) or (describe_layer(module) if path else None)
        opaque = self._tracer.opaque.get(path)
        if spec is None and opaque is None:
            return False
        weights = [*module.named_parameters(), *module.named_buffers()]
        if path in self.called or weights:
            self.modules[path] = spec or describe_module(module, reason=opaque.reason if opaque else "")
            for name, tensor in weights:
                self._is_tied(tensor, _joined(path, name))
        return True

    def _visit_scope(self, module: nn.Module, path: str) -> None:
        self.scopes[path] = _class_path(type(module))
        choice = getattr(type(module), "__choice_spec__", None)
        if choice is not None:
            self.choices[path] = choice(module, None)
        for name, tensor in (*module._parameters.items(), *module._buffers.items()):
            self._take_tensor(module, tensor, name, _joined(path, name))
        for name, value in vars(module).items():
            if isinstance(value, torch.Tensor) and _joined(path, name) in self.used:
                self.tensors[_joined(path, name)] = describe_tensor(value, constant=True)
        for name, child in module._modules.items():
            if child is not None:
                self._visit(child, _joined(path, name))

    def _take_tensor(self, module: nn.Module, tensor: torch.Tensor | None, name: str, where: str) -> None:
        persistent = name not in module._non_persistent_buffers_set
        if tensor is None or self._is_tied(tensor, where):
            return
        if where in self.used or persistent:
            self.tensors[where] = describe_tensor(tensor, persistent=persistent)

    def _is_tied(self, tensor: torch.Tensor, where: str) -> bool:
        first = self._seen.setdefault(id(tensor), where)
        if first != where:
            self.ties[where] = first
        return first != where

    def _complete(self) -> None:
        """Add what the forward made itself or took out of layers, and leave out ties to what is not built."""
        self.modules |= {path: self._tracer.specs[path] for path in self._tracer.extra if path in self.called}
        for path in sorted(self.called - self.modules.keys()):
            inner = self._root.get_submodule(path)
            self.modules[path] = self._tracer.specs.get(path) or describe_module(inner)
        for name, constant in self._tracer.constants.items():
            if name in self.used:
                self.tensors[name] = describe_tensor(constant, constant=True)
        for where in sorted(self.used - self.tensors.keys()):
            self.tensors[where] = self._inner_weight(where)
        self.ties = {path: first for path, first in self.ties.items() if self._is_built(first)}

    def _inner_weight(self, where: str) -> TensorSpec:
        owner, _, name = where.rpartition(".")
        spec = describe_tensor(getattr(self._root.get_submodule(owner), name))
        return TensorSpec("weight", spec.shape, spec.dtype, spec.values, spec.trainable, spec.persistent)

    def _is_built(self, path: str) -> bool:
        built = (*self.modules, *self.tensors)
        inside_layer = path.rpartition(".")[0] in self.modules
        return inside_layer or any(other == path or other.startswith(f"{path}.") for other in built)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _class_path(cls: type) -> str:
    known = _class_paths.get(cls)
    if known is None:
        try:
            known = import_path(cls)
        except LookupError:
            known = f"{cls.__module__}.{cls.__qualname__}"
        _class_paths[cls] = known
    return known
