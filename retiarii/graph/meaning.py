"""What a user means by an operation: a layer, a class of layers, a function, the name of a method."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from retiarii.errors import MutationError
from retiarii.graph.names import import_path, resolve
from retiarii.graph.node import Node, Record
from retiarii.graph.operation import Attribute, Function, Layer, Method, Operation
from retiarii.graph.spec import Spec
from retiarii.graph.spelling import is_plain
from retiarii.graph.values import Argument

if TYPE_CHECKING:
    from retiarii.graph.graph import Graph

_CLASS_REMEDY = "give its arguments after the class, by name"


def find(
    graph: Graph, op: Any, *, label: str | None, scope: str | None, where: Callable[[Node], bool] | None
) -> list[Node]:
    """See `Graph.find`."""
    matches = _matcher(op) if op is not None else None
    found = []
    for name, record in graph.records.items():
        if matches is not None and not matches(graph, record):
            continue
        if scope and record.scope != scope and not record.scope.startswith(f"{scope}."):
            continue
        node = Node(graph, name)
        if label is not None and node.label != label:
            continue
        if where is None or where(node):
            found.append(node)
    return found


def _matcher(op: Any) -> Callable[[Graph, Record], bool]:
    if isinstance(op, str):
        return lambda graph, record: isinstance(record.operation, Method | Attribute) and record.operation.name == op
    if isinstance(op, type) and issubclass(op, Operation):
        return lambda graph, record: isinstance(record.operation, op)
    wanted = getattr(op, "__wraps__", op)
    if isinstance(wanted, type):
        return lambda graph, record: _calls(graph, record, wanted)
    path = _path_of(wanted)
    return lambda graph, record: isinstance(record.operation, Function) and record.operation.path == path


def _calls(graph: Graph, record: Record, wanted: type) -> bool:
    operation = record.operation
    if type(operation) is not Layer:
        return isinstance(operation, Function) and resolve(operation.path) is wanted
    cls = getattr(graph.modules[operation.target], "cls", None)
    return cls is not None and issubclass(resolve(cls), wanted)


def _path_of(thing: Any) -> str:
    try:
        return import_path(thing)
    except LookupError as error:
        raise MutationError(f"{thing!r} can't be part of a graph: {error}") from None


def describe(operation: Any, arguments: Mapping[str, Argument]) -> tuple[Operation | None, Spec | None, str]:
    """An operation of the graph or the description of a layer, and a name for it.

    Raises:
        MutationError: it is none of what a node can do, or can't be made with these arguments.
    """
    from torch import nn  # noqa: PLC0415  graphs can be read and compared without torch

    wanted = getattr(operation, "__wraps__", operation)
    if isinstance(wanted, type) and issubclass(wanted, nn.Module):
        return None, _made(operation, wanted, arguments), wanted.__name__.lower()
    if arguments:
        raise MutationError(f"{_shown(operation)} takes no constructor arguments: {', '.join(arguments)}")
    if isinstance(wanted, nn.Module):
        return None, _described(wanted), type(wanted).__name__.lower()
    if isinstance(wanted, str):
        return Method(_method_name(wanted)), None, wanted.strip("_") or "call"
    if callable(wanted):
        path = _path_of(wanted)
        return Function(path), None, path.rpartition(".")[2]
    raise MutationError(f"{operation!r} is no layer, class of layers, function or method name")


def _shown(operation: Any) -> str:
    return getattr(operation, "__name__", None) or repr(operation)


def _method_name(name: str) -> str:
    is_special = name.startswith("__") and name.endswith("__") and is_plain(name[2:-2])
    if not is_special and not is_plain(name):
        raise MutationError(f"{name!r} is no name that a method of a tensor can have")
    return name


def _made(make: Any, cls: Any, arguments: Mapping[str, Argument]) -> Spec:
    import torch  # noqa: PLC0415

    shown = f"{cls.__name__}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"
    try:
        inspect.signature(cls).bind(**arguments)
    except TypeError as error:
        raise MutationError(f"{shown}: {error}; {_CLASS_REMEDY}") from None
    try:
        if cls.__module__.startswith("torch.nn."):
            with torch.device("meta"):
                return _described(make(**arguments))
        with torch.random.fork_rng(devices=[]):
            return _described(make(**arguments))
    except MutationError:
        raise
    except Exception as error:
        raise MutationError(f"{shown} can't be made: {error}") from error


def _described(module: Any) -> Spec:
    from retiarii.graph.layers import describe_layer  # noqa: PLC0415
    from retiarii.graph.opaque import describe_module  # noqa: PLC0415

    return describe_layer(module) or describe_module(module, reason="inserted as it is")
