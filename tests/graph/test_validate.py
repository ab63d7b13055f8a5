"""Broken graphs are refused, and what is wrong is named."""

from __future__ import annotations

import operator

import pytest
import torch
from torch import nn

from retiarii.errors import MutationError
from retiarii.graph import Graph, trace
from retiarii.graph.node import Record
from retiarii.graph.operation import ByMode, Layer, Output, Tensor
from retiarii.graph.values import Ref


class Absolute(nn.Module):
    def forward(self, x):
        return x.abs() if self.training else x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.absolute = nn.Linear(3, 3), nn.Linear(3, 3), Absolute()

    def forward(self, x):
        return self.absolute(self.b(self.a(x))) + torch.ones(3)


@pytest.fixture
def graph() -> Graph:
    return trace(Net())


def put(name: str, operation, *args, mode=None):
    return lambda graph: graph.put(name, Record(operation, args, {}, "", "", mode))


def refuse(graph: Graph, message: str) -> None:
    with pytest.raises(MutationError, match=message):
        graph.validate()


def test_a_cycle_is_written_out(graph: Graph) -> None:
    graph.connect(graph["b"], graph["a"])
    refuse(graph, r"the graph has a cycle: 'a' -> 'b' -> 'a'$")


def test_a_cycle_of_one_node_is_written_out(graph: Graph) -> None:
    graph.connect(graph["a"], graph["a"])
    refuse(graph, r"cycle: 'a' -> 'a'$")


def test_a_long_way_round_is_no_recursion() -> None:
    graph = trace(nn.Sequential(nn.Linear(3, 3)))
    node = graph["_0"]
    for _ in range(3000):
        graph.put(f"n{len(graph)}", Record(graph["_0"].operation, (Ref(node.name),), {}, "", ""))
        node = graph[list(graph.records)[-1]]
    graph.connect(node, graph["output"])
    graph.records = dict(reversed(graph.records.items()))
    graph.validate()
    assert next(iter(graph.records)) == "input_" or len(graph) > 3000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda graph: graph.records.pop("a"), "'b' takes the value of 'a', and there is no such node"),
        (put("b", Layer("c"), Ref("a")), "'b' calls the module 'c', and the graph describes none there"),
        (put("b", Tensor("c.w")), "'b' takes the tensor 'c.w', and the graph describes none there"),
        (put("more", Output(), None), "one output, this one has 2: output, more"),
        (lambda graph: graph.records.pop("output"), "one output, this one has 0"),
        (put("a", Layer("a"), 3), "the output 'output' does not depend on any input .x. any more"),
        (put("a", Layer("a"), Ref("output")), "takes the value of 'output', which is the output of the model"),
        (
            put("a", Layer("a"), Ref("x"), mode=True),
            "'b' takes the value of 'a' where there is none: .* training alone",
        ),
        (
            put("z", ByMode(), Ref("b"), Ref("abs_1")),
            "'z' takes the value of 'abs_1' where there is none: .* training alone",
        ),
    ],
)
def test_what_is_wrong_is_named(graph: Graph, change, message: str) -> None:
    change(graph)
    graph.touch()
    refuse(graph, message)


def test_nodes_are_put_into_an_order_in_which_they_run(graph: Graph) -> None:
    order = list(graph.records)
    late = graph.add(operator.neg, graph["x"])
    graph.connect(late, graph["a"])
    graph.validate()
    found = list(graph.records)
    assert found.index("x") < found.index(late.name) < found.index("a")
    found.remove(late.name)
    assert found == order
    assert graph.to_module()(torch.ones(2, 3)).shape == (2, 3)
