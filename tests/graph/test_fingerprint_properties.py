"""Fingerprints of random graphs: the same however a graph is told, another for every change, in every process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from retiarii.graph.graph import Graph
from retiarii.graph.node import Record
from retiarii.graph.operation import Function, Input, Layer, Method, Operation, Output, Tensor
from retiarii.graph.spec import LayerSpec, Spec, TensorSpec
from retiarii.graph.values import Ref, map_argument

LINEAR = LayerSpec("torch.nn.Linear", {"in_features": 4, "out_features": 4, "bias": True})
WIDE = LayerSpec("torch.nn.Linear", {"in_features": 4, "out_features": 4, "bias": False})
RELU = LayerSpec("torch.nn.ReLU", {"inplace": False})
RELU_IN_PLACE = LayerSpec("torch.nn.ReLU", {"inplace": True})
DROPOUT = LayerSpec("torch.nn.Dropout", {"p": 0.5, "inplace": False})
WEIGHT = TensorSpec("parameter", (4,), "float32", {"fill": 1.0})
BUFFER = TensorSpec("buffer", (4,), "float32", {"fill": 1.0})

LAYERS: Mapping[str, Spec] = {"linear": LINEAR, "wide": WIDE, "relu": RELU, "relu_": RELU_IN_PLACE, "dropout": DROPOUT}
TENSORS: Mapping[str, TensorSpec] = {"weight": WEIGHT, "buffer": BUFFER}
UNARY: Mapping[str, tuple[Operation, tuple[Any, ...]]] = {
    "gelu": (Function("torch.nn.functional.gelu"), ()),
    "twice": (Function("operator.mul"), (2,)),
    "view": (Method("view"), (-1, 4)),
    "draw": (Function("torch.nn.functional.dropout"), (0.5,)),
}
BINARY: Mapping[str, Operation] = {
    **{name: Function(f"operator.{name}") for name in ("add", "mul", "sub", "truediv", "iadd")},
    "torch_add": Function("torch.add"),
}
COMMUTATIVE = ("operator.add", "operator.mul", "torch.add")
CHANGING = ("relu_", "iadd")

Step = tuple[str, int, int]
"""What a node does, and two numbers that say what with."""


@dataclass
class Drawn:
    """A graph, and which of its nodes touch the same memory.

    Attributes:
        graph: the graph.
        memory: for each node, what stands for the memory that its value lies in.
        touched: for each node, the memory that it reads or changes.
        changed: for each node that changes memory, which.
    """

    graph: Graph
    memory: dict[str, str]
    touched: dict[str, set[str]]
    changed: dict[str, str]


def steps() -> st.SearchStrategy[list[Step]]:
    """What to build a graph from: few kinds of steps, so that many nodes look alike."""
    kinds = st.sampled_from([*LAYERS, *TENSORS, *UNARY, *BINARY, "add", "add", "linear", "linear"])
    number = st.integers(0, 11)
    return st.lists(st.tuples(kinds, number, number), min_size=1, max_size=14)


def build(drawn: list[Step]) -> Drawn:
    """The graph of these steps, which returns the values of its last three nodes."""
    records = {name: Record(Input(), (), {}, "", "") for name in ("x", "y")}
    found = Drawn(_graph(records), {"x": "x", "y": "y"}, {"x": set(), "y": set()}, {})
    for index, (kind, one, other) in enumerate(drawn):
        name, names = f"n{index}", list(records)
        first, second = names[-1 - one % len(names)], names[-1 - other % len(names)]
        refs = [] if kind in TENSORS else [first, second] if kind in BINARY else [first]
        operation, constants = _operation(found.graph, kind, other)
        records[name] = Record(operation, (*[Ref(ref) for ref in refs], *constants), {}, "", "")
        found.touched[name] = {found.memory[ref] for ref in refs}
        shares = kind in CHANGING or kind in ("view", "draw", "dropout")
        found.memory[name] = found.memory[first] if shares else getattr(operation, "target", name) if not refs else name
        if kind in CHANGING:
            found.changed[name] = found.memory[first]
    names = list(records)
    returned = [names[-1], names[-1 - drawn[-1][1] % len(names)], names[-1 - drawn[-1][2] % len(names)]]
    records["out"] = Record(Output(), (tuple([Ref(name) for name in returned]),), {}, "", "")
    found.touched["out"], found.memory["out"] = {found.memory[name] for name in returned}, "out"
    return found


def _graph(records: dict[str, Record]) -> Graph:
    return Graph("Random", records, {}, {}, {"": "Random"}, {})


def _operation(graph: Graph, kind: str, number: int) -> tuple[Operation, tuple[Any, ...]]:
    """The operation, for a layer or a tensor one of two of its kind, and the constants that it takes."""
    target = f"{kind}{number % 2}"
    if kind in LAYERS:
        graph.modules[target] = LAYERS[kind]
        return Layer(target), ()
    if kind in TENSORS:
        graph.tensors[target] = TENSORS[kind]
        return Tensor(target), ()
    return UNARY[kind] if kind in UNARY else (BINARY[kind], ())


def copied(record: Record, operation: Operation | None = None, args: tuple[Any, ...] | None = None) -> Record:
    """A record of its own that says the same, apart from what is given."""
    return Record(operation or record.operation, record.args if args is None else args, dict(record.kwargs), "", "")


def retold(drawn: Drawn, random: Random) -> Graph:
    """The same graph with other names, paths, order of arguments and order of nodes, where these mean nothing."""
    graph = drawn.graph
    names, paths = _renaming(list(graph.records), random), _renaming([*graph.modules, *graph.tensors], random)
    records = {}
    for name in _reordered(drawn, random):
        record = graph.records[name]
        operation, args = record.operation, record.args
        if isinstance(operation, Layer | Tensor):
            operation = type(operation)(paths[operation.target])
        if isinstance(operation, Function) and operation.path in COMMUTATIVE and random.random() < 0.5:
            args = args[::-1]
        records[names[name]] = copied(record, operation, map_argument(lambda leaf: _named(leaf, names), args))
    unused = Record(UNARY["gelu"][0], (Ref(random.choice(list(records)[:-1])),), {}, "", "")
    modules = {paths[path]: replace(spec, cache={}) for path, spec in graph.modules.items()}
    tensors = {paths[path]: replace(spec, cache={}) for path, spec in graph.tensors.items()}
    return Graph("Told", {**records, "unused": unused}, modules, tensors, {}, {})


def _named(leaf: Any, names: Mapping[str, str]) -> Any:
    return Ref(names[leaf]) if type(leaf) is Ref else leaf


def _renaming(names: list[str], random: Random) -> dict[str, str]:
    numbers = random.sample(range(1000), len(names))
    return {name: f"other.{number}" for name, number in zip(names, numbers, strict=True)}


def _reordered(drawn: Drawn, random: Random) -> list[str]:
    """The nodes in another order in which arguments keep theirs, and steps around a change of their memory too."""
    names = list(drawn.graph.records)
    before: dict[str, set[str]] = {name: set(drawn.graph.refs(name)) for name in names}
    before["y"].add("x")
    for position, late in enumerate(names):
        for early in names[:position]:
            if _meet(drawn, early, late) or late == "out":
                before[late].add(early)
    order: list[str] = []
    while len(order) < len(names):
        order.append(random.choice([name for name in names if name not in order and before[name] <= set(order)]))
    return order


def _meet(drawn: Drawn, early: str, late: str) -> bool:
    """Whether one of two steps changes memory that the other one touches."""
    changed = {drawn.changed[name] for name in (early, late) if name in drawn.changed}
    return bool(changed & drawn.touched[early] & drawn.touched[late])


@given(steps(), st.randoms(use_true_random=False))
def test_told_otherwise_it_is_the_same(drawn, random):
    found = build(drawn)
    assert retold(found, random).fingerprint() == found.graph.fingerprint()


@given(steps(), st.randoms(use_true_random=False))
def test_every_change_is_seen(drawn, random):
    found = build(drawn)
    changes = changed_graphs(found, random)
    assume(changes)
    before = found.graph.fingerprint()
    for what, graph in changes:
        assert graph.fingerprint() != before, what


def changed_graphs(drawn: Drawn, random: Random) -> list[tuple[str, Graph]]:
    """What becomes of a graph by one change of one node that its output needs."""
    graph, needed = drawn.graph, sorted(needed_nodes(drawn.graph))
    found = [change for name in needed for change in changed_node(graph, name, needed)]
    return random.sample(found, min(len(found), 6))


def changed_node(graph: Graph, name: str, needed: list[str]) -> list[tuple[str, Graph]]:
    record = graph.records[name]
    operation, args = record.operation, record.args
    if isinstance(operation, Layer):
        return changed_layers(graph, name, operation, needed)
    found = []
    if isinstance(operation, Function):
        found.append((f"{name}: another function", copied(record, Function("torch.other"))))
        if operation.path in ("operator.sub", "operator.truediv") and look_different(graph, record):
            found.append((f"{name}: swapped", copied(record, args=args[::-1])))
    if args and type(args[-1]) in (int, float):
        found.append((f"{name}: another constant", copied(record, args=(*args[:-1], args[-1] + 1))))
    return [(what, with_record(graph, name, changed)) for what, changed in found]


def changed_layers(graph: Graph, name: str, layer: Layer, needed: list[str]) -> list[tuple[str, Graph]]:
    spec: Any = graph.modules[layer.target]
    other = graph.fork()
    other.modules[layer.target] = type(spec)(spec.cls, {**spec.arguments, "extra": 1})
    other.touch()
    found = [(f"{name}: another layer argument", other)]
    callers = [key for key in needed if graph.records[key].operation == layer]
    if "Linear" in spec.cls and len(callers) > 1:
        apart = with_record(graph, name, copied(graph.records[name], Layer("apart")))
        apart.modules["apart"] = spec
        found.append((f"{name}: no longer shared", apart))
    return found


def look_different(graph: Graph, record: Record) -> bool:
    one, other = (graph.records[ref] for ref in record.args)
    return type(one.operation) is not type(other.operation)


def with_record(graph: Graph, name: str, record: Record) -> Graph:
    other = graph.fork()
    other.put(name, record)
    return other


def needed_nodes(graph: Graph) -> set[str]:
    found, waiting = set(), ["out"]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(graph.refs(name))
    return found


KNOWN_STEPS: list[Step] = [
    *[("linear", 0, 0), ("linear", 1, 1), ("add", 0, 1)],
    *[("relu_", 0, 0), ("buffer", 0, 0), ("mul", 0, 1)],
]
KNOWN = "1684fbd824110457745edd2f075e301f"


def test_known_answer():
    assert build(KNOWN_STEPS).graph.fingerprint() == KNOWN


@pytest.mark.parametrize("seed", ["0", "1", "random"])
def test_same_in_every_process(seed):
    code = "import sys; from retiarii.graph import Graph; print(Graph.from_json(sys.stdin.read()).fingerprint())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=build(KNOWN_STEPS).graph.to_json(),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": seed},
    )
    assert done.stdout.strip() == KNOWN
