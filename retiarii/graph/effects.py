"""Which steps change a tensor that others see, and which values may share memory."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING

from retiarii.graph.node import Record
from retiarii.graph.operation import CHOICES, Attribute, ByMode, Function, Input, Layer, Method, Operation, Tensor
from retiarii.graph.operators import IN_PLACE
from retiarii.graph.spec import LayerSpec, Spec
from retiarii.graph.values import Ref, refs_of

if TYPE_CHECKING:
    from retiarii.graph.graph import Graph


class Use(IntEnum):
    """What a step may do with the memory of its arguments: from `CHANGES` on, change it."""

    READS = 0
    VIEWS = 1
    """Its value may lie in the memory of its first argument."""
    MIXES = 2
    """Its value may lie in the memory of any argument."""
    CHANGES = 3
    """It changes its first argument, and its value may lie there."""
    ANYTHING = 4
    """It may change any argument, and its value may lie there."""


_FRESH = ("operator.", "torch.nn.functional.", "torch.add", "torch.mul")
_VIEWS = ("operator.getitem", "operator.pos")
_SHARING_LAYERS = ("torch.nn.Identity", "torch.nn.Flatten", "torch.nn.Unflatten")


def changes_argument(operation: Operation) -> str | None:
    """The symbol of an augmented assignment, such as "+="; None for other operations."""
    return IN_PLACE.get(operation.path) if isinstance(operation, Function) else None


def is_effectful(graph: Graph, record: Record) -> bool:
    """Whether a step may change a tensor in place."""
    return memory_use(graph.modules, record) >= Use.CHANGES


def memory_use(modules: Mapping[str, Spec], record: Record) -> Use:
    """What a step may do with the memory of its arguments."""
    operation = record.operation
    if isinstance(operation, Layer):
        return layer_use(modules[operation.target])
    use = _operation_use(operation, record)
    if use not in (Use.VIEWS, Use.CHANGES) or (record.args and type(record.args[0]) is Ref):
        return use
    if use is Use.CHANGES:
        return Use.ANYTHING
    return Use.READS if record.args else Use.MIXES


def layer_use(spec: Spec) -> Use:
    """What a call of a module may do with the memory of its arguments."""
    if not isinstance(spec, LayerSpec):
        return Use.ANYTHING
    if spec.arguments.get("inplace") is True:
        return Use.CHANGES
    return Use.VIEWS if spec.cls in _SHARING_LAYERS or "Dropout" in spec.cls else Use.READS


def _operation_use(operation: Operation, record: Record) -> Use:
    if isinstance(operation, Function):
        return _function_use(operation.path, record)
    if isinstance(operation, Method):
        return Use.CHANGES if _ends_in_place(operation.name) else Use.VIEWS
    if isinstance(operation, Attribute):
        return Use.VIEWS
    return Use.MIXES if isinstance(operation, (ByMode, *CHOICES)) else Use.READS


def _function_use(path: str, record: Record) -> Use:
    if path in IN_PLACE or path == "operator.setitem" or record.kwargs.get("inplace") is True:
        return Use.CHANGES
    if _ends_in_place(path) and not path.startswith("operator."):
        return Use.CHANGES
    if record.kwargs.get("out") is not None:
        return Use.ANYTHING
    fresh = path.startswith(_FRESH) and path not in _VIEWS and "dropout" not in path
    return Use.READS if fresh else Use.VIEWS


def _ends_in_place(name: str) -> bool:
    return name.endswith("_") and not name.endswith("__")


_RANDOM = ("dropout", "rand", "randn", "randint", "randperm", "bernoulli", "normal", "multinomial", "poisson", "rrelu")
_RANDOM_PARTS = ("dropout", "rand_like", "randn_like", "randint_like", "gumbel_softmax", "fractional_max_pool")
_RANDOM_METHODS = (*_RANDOM, "uniform_", "normal_", "random_", "exponential_", "bernoulli_", "geometric_", "cauchy_")


def is_random(graph: Graph, record: Record) -> bool:
    """Whether a step draws random numbers, in training at least."""
    operation = record.operation
    if isinstance(operation, Layer):
        spec = graph.modules[operation.target]
        return not isinstance(spec, LayerSpec) or any(word in spec.cls for word in ("Dropout", "RReLU", "Fractional"))
    if isinstance(operation, Method):
        return operation.name in _RANDOM_METHODS
    if isinstance(operation, Function):
        name = operation.path.rpartition(".")[2]
        return name in _RANDOM or any(part in name for part in _RANDOM_PARTS)
    return False


def storage_roots(graph: Graph, *, through_choices: bool = False) -> dict[str, str]:
    """For each node, one that stands for all nodes whose tensors may share memory with its own.

    A method, an attribute, an indexing or an in-place step may give a view of its first argument; a function of torch
    may too, as far as can be told from here. All nodes of one stored tensor share its memory.

    Args:
        graph: its nodes are in an order in which they can run.
        through_choices: whether the value of a choice shares the memory of its options.
    """
    parents: dict[str, str] = {}
    stored: dict[str, str] = {}
    for name, record in graph.records.items():
        parents[name] = name
        if isinstance(record.operation, Tensor):
            parents[name] = stored.setdefault(record.operation.target, name)
        if isinstance(record.operation, CHOICES) and not through_choices:
            continue
        for ref in _shared(record, memory_use(graph.modules, record)):
            if ref in parents:
                parents[_root(parents, name)] = _root(parents, ref)
    return {name: _root(parents, name) for name in parents}


def _shared(record: Record, use: Use) -> list[Ref]:
    refs = [] if use is Use.READS else [*refs_of(record.args), *refs_of(dict(record.kwargs))]
    return refs[:1] if use in (Use.VIEWS, Use.CHANGES) else refs


def _root(parents: Mapping[str, str], name: str) -> str:
    while parents[name] != name:
        name = parents[name]
    return name


Changers = dict[str, dict[str, tuple[str, ...]]]
"""For a node and each node whose value it takes: the steps that changed that value's memory last before it runs."""


def memory_order(graph: Graph) -> tuple[Changers, list[str]]:
    """What in-place steps add to the order of a graph.

    A step that a node takes the value of anyway is left out. The output comes last, wherever it is stored.

    Returns:
        the changers, and the steps that are the last to change memory which outlives the call: that of stored tensors
        and of the model's own arguments.
    """
    roots = storage_roots(graph, through_choices=True)
    output = graph.output.name
    changed: dict[bool, dict[str, str]] = {True: {}, False: {}}
    changers: Changers = {}
    for name in [*[name for name in graph.records if name != output], output]:
        record = graph.records[name]
        modes = (True, False) if record.mode is None else (record.mode,)
        refs = dict.fromkeys(graph.refs(name))
        for ref in refs:
            steps = dict.fromkeys([changed[mode].get(roots[ref], ref) for mode in modes])
            if later := tuple([step for step in steps if step not in refs]):
                changers.setdefault(name, {})[ref] = later
        use = memory_use(graph.modules, record)
        if use >= Use.CHANGES:
            places = {roots[ref]: name for ref in _shared(record, use)}
            for mode in modes:
                changed[mode].update(places)
    outliving = {roots[name] for name, record in graph.records.items() if isinstance(record.operation, Input | Tensor)}
    lasting = [step for steps in changed.values() for root, step in steps.items() if root in outliving]
    return changers, list(dict.fromkeys(lasting))
