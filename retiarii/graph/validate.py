"""The checks after a rewrite: whatever is wrong is named before anything is built from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from retiarii.errors import MutationError
from retiarii.graph.node import Record
from retiarii.graph.operation import (
    Attribute,
    ByMode,
    Combine,
    Function,
    Input,
    Layer,
    Method,
    Output,
    Select,
    Tensor,
    Training,
)
from retiarii.graph.operators import IN_PLACE, INFIX, PREFIX
from retiarii.graph.values import Ref, refs_of

if TYPE_CHECKING:
    from retiarii.graph.graph import Graph

_COUNTS: Mapping[type, tuple[int, int | None]] = {
    **{Input: (0, 0), Tensor: (0, 0), Training: (0, 0), Output: (1, 1), Attribute: (1, 1), ByMode: (2, 2)},
    **{Method: (1, None), Select: (1, None), Combine: (1, None)},
}
_OPERATORS: Mapping[str, tuple[int, int | None]] = {
    **{path: (2, 2) for path in (*INFIX, *IN_PLACE, "operator.getitem")},
    **{path: (1, 1) for path in PREFIX},
    "operator.setitem": (3, 3),
}
_MODES = {True: "training", False: "evaluation"}


def validate(graph: Graph) -> None:
    """See `Graph.validate`."""
    if not graph.changed:
        return
    for name, record in graph.records.items():
        wrong = wrong_arguments(graph, name, record)
        if wrong:
            raise MutationError(wrong)
        _check_targets(graph, name, record)
        _check_refs(graph, name, record)
    _order(graph)
    outputs = [name for name, record in graph.records.items() if isinstance(record.operation, Output)]
    if len(outputs) != 1:
        raise MutationError(f"a graph has one output, this one has {len(outputs)}: {', '.join(outputs)}")
    _check_reached(graph, outputs[0])
    graph.changed = False


def wrong_arguments(graph: Graph, name: str, record: Record) -> str:
    """What is wrong with the number of a node's arguments; nothing where they fit."""
    operation = record.operation
    fewest, most = _COUNTS.get(type(operation), (0, None))
    if isinstance(operation, Function):
        fewest, most = _OPERATORS.get(operation.path, (0, None))
    found = len(record.args)
    if found < fewest or (most is not None and found > most):
        wanted = f"{fewest} arguments" if fewest == most else f"at least {fewest} arguments"
        return f"node {name!r} ({graph.describe(name)}) takes {wanted}, not {found}"
    if record.kwargs and not isinstance(operation, Layer | Function | Method):
        return f"node {name!r} ({graph.describe(name)}) takes no keyword arguments: {', '.join(record.kwargs)}"
    return ""


def _check_targets(graph: Graph, name: str, record: Record) -> None:
    operation = record.operation
    if isinstance(operation, Layer) and operation.target not in graph.modules:
        raise MutationError(f"node {name!r} calls the module {operation.target!r}, and the graph describes none there")
    if not isinstance(operation, Tensor):
        return
    tensor = graph.tensors.get(operation.target)
    is_gone = tensor is None or (tensor.kind == "weight" and operation.target.rpartition(".")[0] not in graph.modules)
    if is_gone:
        raise MutationError(f"node {name!r} takes the tensor {operation.target!r}, and the graph describes none there")


def _check_refs(graph: Graph, name: str, record: Record) -> None:
    for ref, mode in _refs_by_mode(record):
        taken = graph.records.get(ref)
        said = f"node {name!r} takes the value of {str(ref)!r}"
        if taken is None:
            raise MutationError(f"{said}, and there is no such node")
        if isinstance(taken.operation, Output):
            raise MutationError(f"{said}, which is the output of the model")
        if taken.mode is not None and taken.mode is not mode:
            raise MutationError(f"{said} where there is none: it is made in {_MODES[taken.mode]} alone")


def _refs_by_mode(record: Record) -> list[tuple[Ref, bool | None]]:
    """The values that a node takes, and in which mode it takes them."""
    if not isinstance(record.operation, ByMode):
        return [(ref, record.mode) for ref in record.refs]
    return [(ref, mode) for arg, mode in zip(record.args, (True, False), strict=True) for ref in refs_of(arg)]


def _order(graph: Graph) -> None:
    """Put nodes behind what they take, moving as few as possible.

    Raises:
        MutationError: a cycle, written out.
    """
    placed: dict[str, None] = {}
    for start in graph.records:
        if start not in placed:
            _place(graph, start, placed)
    if list(placed) != list(graph.records):
        graph.records = {name: graph.records[name] for name in placed}
        graph.touch()


def _place(graph: Graph, start: str, placed: dict[str, None]) -> None:
    path = {start: iter(graph.refs(start))}
    while path:
        name, waiting = next(reversed(path.items()))
        below = next((ref for ref in waiting if ref not in placed), None)
        if below is None:
            placed[name] = None
            del path[name]
        elif below in path:
            walked = list(path)
            cycle = [below, *reversed(walked[walked.index(below) :])]
            raise MutationError(f"the graph has a cycle: {' -> '.join(repr(str(item)) for item in cycle)}")
        else:
            path[below] = iter(graph.refs(below))


def _check_reached(graph: Graph, output: str) -> None:
    inputs = [name for name, record in graph.records.items() if isinstance(record.operation, Input)]
    seen, waiting = {output}, [output]
    while waiting:
        for ref in graph.refs(waiting.pop()):
            if ref not in seen:
                seen.add(ref)
                waiting.append(ref)
    if inputs and seen.isdisjoint(inputs):
        raise MutationError(f"the output {output!r} does not depend on any input ({', '.join(inputs)}) any more")
