"""The edits of a graph: each replaces whole records, so that graphs forked from one another share the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from retiarii.errors import MutationError
from retiarii.graph.defaults import given_keywords
from retiarii.graph.meaning import describe
from retiarii.graph.node import Node, Record
from retiarii.graph.operation import Function, Input, Layer, Output, Tensor
from retiarii.graph.spec import LayerSpec
from retiarii.graph.values import Argument, Ref, map_argument, refs_of

if TYPE_CHECKING:
    from retiarii.graph.graph import Graph

_MOST_REMEMBERED = 256


def update(graph: Graph, name: str, arguments: Mapping[str, Argument]) -> None:
    """See `Node.update`."""
    operation = graph.records[name].operation
    spec = graph.modules[operation.target] if type(operation) is Layer else None
    if not isinstance(spec, LayerSpec) or type(operation) is not Layer:
        raise MutationError(f"node {name!r} ({graph.describe(name)}) calls no layer whose arguments could be updated")
    for argument in arguments:
        if argument not in spec.arguments:
            known = ", ".join(spec.arguments) or "none"
            raise MutationError(f"node {name!r}: {spec.cls} has no argument {argument!r}; it has {known}")
    graph.modules[operation.target] = updated(spec, arguments)
    graph.forget()


def updated(spec: LayerSpec, arguments: Mapping[str, Argument]) -> LayerSpec:
    """The spec with other values for some arguments; the same object for the same values."""
    key = tuple([(name, type(value), value) for name, value in arguments.items()])
    try:
        known = spec.cache.get(key)
    except TypeError:
        return LayerSpec(spec.cls, {**spec.arguments, **canonical(arguments)})
    if known is None:
        known = LayerSpec(spec.cls, {**spec.arguments, **canonical(arguments)})
        if len(spec.cache) < _MOST_REMEMBERED:
            spec.cache[key] = known
    return known


def canonical(arguments: Mapping[str, Argument]) -> dict[str, Argument]:
    """Arguments in the one form that a graph holds."""
    from retiarii.graph.layers import canonical_arguments  # noqa: PLC0415  it needs torch

    return canonical_arguments(arguments)


def replace(graph: Graph, name: str, operation: Any, arguments: Mapping[str, Argument]) -> None:
    """See `Node.replace`."""
    record = graph.records[name]
    if isinstance(record.operation, Input | Output):
        raise MutationError(
            f"node {name!r} is the model's {type(record.operation).__name__.lower()}: it can't be replaced"
        )
    made, spec, wish = describe(operation, arguments)
    if spec is not None:
        target = _own_target(graph, name, record, wish)
        graph.modules[target] = spec
        _forget_ties(graph, target, inside=True)
        made = Layer(target)
    args, kwargs = _kept_arguments(record, is_layer=spec is not None)
    graph.put(name, changed_record(record, operation=made, args=args, kwargs=kwargs))
    _prune(graph, record)


def _kept_arguments(record: Record, *, is_layer: bool) -> tuple[tuple[Argument, ...], dict[str, Argument]]:
    """What another operation takes of a node's arguments: a layer only values, unless it stands for a layer."""
    kwargs = dict(record.kwargs)
    if isinstance(record.operation, Function):
        kwargs = dict(given_keywords(record.operation.path, kwargs))
    if not is_layer or isinstance(record.operation, Layer):
        return record.args, kwargs
    args = tuple([arg for arg in record.args if refs_of(arg)])
    return args, {name: value for name, value in kwargs.items() if refs_of(value)}


def changed_record(record: Record, **parts: Any) -> Record:
    """A record that differs in some parts."""
    own = {part: getattr(record, part) for part in ("operation", "args", "kwargs", "scope", "origin", "mode")}
    return Record(**{**own, **parts})


def _own_target(graph: Graph, name: str, record: Record, wish: str) -> str:
    """The path at which the replaced layer stands: where the old one stood, unless others call that one as well."""
    operation = record.operation
    if type(operation) is not Layer:
        return _free_path(graph, _parent(graph, record.scope), wish)
    if len(_callers(graph, operation.target)) == 1 and not _is_read(graph, operation.target):
        return operation.target
    parent, _, own = operation.target.rpartition(".")
    return _free_path(graph, parent, own)


def _free_path(graph: Graph, parent: str, wish: str) -> str:
    """A path where nothing stands yet."""
    taken: set[str] = set()
    for path in (*graph.modules, *graph.tensors, *graph.ties, *graph.scopes, *graph.choices):
        if not parent or path.startswith(f"{parent}."):
            taken.add(path.removeprefix(f"{parent}.").partition(".")[0] if parent else path.partition(".")[0])
    name = graph.fresh_name(wish, dict.fromkeys(taken))
    return f"{parent}.{name}" if parent else name


def _parent(graph: Graph, scope: str) -> str:
    """The path of the container that holds what a node of this scope calls."""
    while scope in graph.modules:
        scope = scope.rpartition(".")[0]
    return scope


def _callers(graph: Graph, target: str) -> list[str]:
    called = Layer(target)
    return [name for name, record in graph.records.items() if record.operation == called]


def _is_read(graph: Graph, target: str) -> bool:
    """Whether a node takes a weight of the layer directly."""
    operations = (record.operation for record in graph.records.values())
    return any(isinstance(operation, Tensor) and operation.target.startswith(f"{target}.") for operation in operations)


def _prune(graph: Graph, record: Record) -> None:
    """Take the layer that a record called out of the model, if nothing needs it any more."""
    operation = record.operation
    if type(operation) is not Layer or operation.target not in graph.modules:
        return
    target = operation.target
    if not _callers(graph, target) and not _is_read(graph, target):
        del graph.modules[target]
        _forget_ties(graph, target, inside=False)


def _forget_ties(graph: Graph, target: str, *, inside: bool) -> None:
    """Forget what the weights of a layer, or the layer itself, were shared with."""

    def concerns(path: str) -> bool:
        return path.startswith(f"{target}.") or (path == target and not inside)

    if any(concerns(path) or concerns(first) for path, first in graph.ties.items()):
        graph.ties = {path: first for path, first in graph.ties.items() if not concerns(path) and not concerns(first)}


def add(graph: Graph, operation: Any, inputs: tuple[Any, ...], arguments: Mapping[str, Argument]) -> Node:
    """See `Graph.add`."""
    nodes = [item for item in inputs if isinstance(item, Node)]
    for node in nodes:
        _check_own(graph, node)
    modes = {node.mode for node in nodes} - {None}
    if len(modes) > 1:
        raise MutationError("a node can't take values of training and of evaluation at once")
    args = map_argument(lambda item: Ref(item.name) if isinstance(item, Node) else item, tuple(inputs))
    scope = nodes[0].scope if nodes else ""
    name = _store(graph, operation, arguments, args, scope, next(iter(modes), None))
    output = graph.output.name
    graph.put(output, graph.records.pop(output))
    return Node(graph, name)


def _store(
    graph: Graph,
    operation: Any,
    arguments: Mapping[str, Argument],
    args: tuple[Any, ...],
    scope: str,
    mode: bool | None,
) -> str:
    made, spec, wish = describe(operation, arguments)
    place = _parent(graph, scope)
    name = graph.fresh_name(wish, graph.records)
    if spec is not None:
        place = _free_path(graph, place, wish)
        graph.modules[place] = spec
        made = Layer(place)
    graph._counter += 1
    record = Record(made, args, {}, place, f"{graph.author}+{graph._counter}", mode)  # type: ignore[arg-type]
    graph.put(name, record)
    return name


def insert_after(graph: Graph, node: Node, operation: Any, arguments: Mapping[str, Argument]) -> Node:
    """See `Graph.insert_after`."""
    _check_own(graph, node)
    if isinstance(node.operation, Output):
        raise MutationError(f"node {node.name!r} is the model's output: nothing comes after it")
    users = graph.users(node.name)
    name = _store(graph, operation, arguments, (Ref(node.name),), node.scope, node.mode)
    for user in users:
        _redirect(graph, user, node.name, name)
    _move(graph, name, after=node.name)
    return Node(graph, name)


def insert_before(graph: Graph, node: Node, operation: Any, arguments: Mapping[str, Argument]) -> Node:
    """See `Graph.insert_before`."""
    _check_own(graph, node)
    if not node.inputs:
        raise MutationError(f"node {node.name!r} takes no value, so nothing can be inserted before it")
    return insert_on(graph, (node.inputs[0], node), operation, arguments)


def insert_on(graph: Graph, edge: tuple[Node, Node], operation: Any, arguments: Mapping[str, Argument]) -> Node:
    """See `Graph.insert_on`."""
    node, user = edge
    _check_own(graph, node)
    _check_own(graph, user)
    if node.name not in graph.refs(user.name):
        raise MutationError(f"node {user.name!r} does not take the value of {node.name!r}: there is no such edge")
    mode = node.mode if node.mode is not None else user.mode
    name = _store(graph, operation, arguments, (Ref(node.name),), node.scope, mode)
    _redirect(graph, user.name, node.name, name)
    _move(graph, name, after=node.name)
    return Node(graph, name)


def connect(graph: Graph, node: Node, user: Node, position: int | str) -> None:
    """See `Graph.connect`."""
    _check_own(graph, node)
    _check_own(graph, user)
    record = user.record
    if isinstance(record.operation, Input | Tensor):
        raise MutationError(f"node {user.name!r} ({graph.describe(user.name)}) takes no values")
    args, kwargs = list(record.args), dict(record.kwargs)
    if isinstance(position, str):
        kwargs[position] = Ref(node.name)
    elif 0 <= position <= len(args):
        args[position : position + 1] = [Ref(node.name)]
    else:
        raise MutationError(f"node {user.name!r} has {len(args)} arguments, so there is no position {position}")
    graph.put(user.name, changed_record(record, args=tuple(args), kwargs=kwargs))


def remove(graph: Graph, node: Node) -> None:
    """See `Graph.remove`."""
    _check_own(graph, node)
    record = node.record
    if isinstance(record.operation, Output):
        raise MutationError(f"node {node.name!r} is the model's output: it can't be removed")
    users = graph.users(node.name)
    inputs = dict.fromkeys(record.refs)
    if users and len(inputs) != 1:
        raise MutationError(
            f"node {node.name!r} has {len(inputs)} inputs and is taken by {', '.join(users)}: connect those to "
            "something else before it is removed"
        )
    for user in users:
        _redirect(graph, user, node.name, next(iter(inputs)))
    del graph.records[node.name]
    graph.touch()
    _prune(graph, record)


def _check_own(graph: Graph, node: Node) -> None:
    if node.graph is not graph:
        raise MutationError(f"node {node.name!r} is part of another graph; take it from this one: graph[{node.name!r}]")
    if node.name not in graph.records:
        raise MutationError(f"node {node.name!r} is not part of the graph any more")


def _redirect(graph: Graph, user: str, old: str, new: str) -> None:
    record = graph.records[user]

    def exchanged(leaf: Any) -> Any:
        return Ref(new) if type(leaf) is Ref and leaf == old else leaf

    args, kwargs = map_argument(exchanged, record.args), map_argument(exchanged, dict(record.kwargs))
    graph.put(user, changed_record(record, args=args, kwargs=kwargs))


def _move(graph: Graph, name: str, *, after: str) -> None:
    record = graph.records.pop(name)
    reordered = {}
    for key, other in graph.records.items():
        reordered[key] = other
        if key == after:
            reordered[name] = record
    graph.records = reordered
    graph.touch()
