"""The graph as a `networkx` graph."""

from __future__ import annotations

import networkx
import pytest
import torch
from torch import nn

from retiarii.domain.expression import Symbol
from retiarii.errors import GraphError
from retiarii.graph.graph import Graph
from retiarii.graph.node import Record
from retiarii.graph.operation import Function, Input, Layer, Output, Select
from retiarii.graph.spec import OpaqueSpec
from retiarii.graph.tracing import trace
from retiarii.graph.values import Ref


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 4), nn.ReLU())

    def forward(self, x):
        return torch.cat([x, self.body(x)], dim=1)


def record(operation, *args, scope="", **kwargs):
    return Record(operation, args, kwargs, scope, f"{scope}:{type(operation).__name__}:0")


def graph(**records):
    return Graph("Small", records, {}, {}, {"": "home.Small"}, {})


def test_nodes_say_what_they_are():
    traced = trace(Residual())
    view = traced.to_networkx()
    assert list(view) == [node.name for node in traced]
    assert view.nodes["body_0"] == {
        "operation": "body.0: torch.nn.Linear",
        "scope": "body.0",
        "origin": traced["body_0"].origin,
        "label": None,
        "cls": "torch.nn.Linear",
    }
    assert view.nodes["cat"]["cls"] is None


def test_choices_have_labels():
    chosen = record(Select(Symbol("op"), ("a", "b")), Ref("x"), Ref("y"))
    view = graph(x=record(Input()), y=record(Function("torch.relu"), Ref("x")), op=chosen).to_networkx()
    assert view.nodes["op"]["label"] == "op"
    assert view.edges["y", "op"]["position"] == 1


def test_opaque_modules_have_classes():
    opaque = Graph(
        "Small", {"x": record(Layer("x"))}, {"x": OpaqueSpec("home.Odd", {}, {}, {})}, {}, {"": "home.Small"}, {}
    )
    assert opaque.to_networkx().nodes["x"]["cls"] == "home.Odd"


def test_edges_lead_from_producers_to_users():
    view = trace(Residual()).to_networkx()
    assert {*view.edges} == {("x", "body_0"), ("body_0", "body_1"), ("x", "cat"), ("body_1", "cat"), ("cat", "output")}
    assert networkx.is_directed_acyclic_graph(view)


@pytest.mark.parametrize(
    ("args", "kwargs", "position"),
    [
        ((1, Ref("x")), {}, 1),
        (([1, {"deep": (Ref("x"),)}],), {}, 0),
        ((), {"other": Ref("x")}, "other"),
        ((Ref("x"), Ref("x")), {"other": Ref("x")}, 0),
    ],
)
def test_position_is_that_of_the_first_argument(args, kwargs, position):
    view = graph(x=record(Input()), y=record(Function("torch.add"), *args, **kwargs)).to_networkx()
    assert view.edges["x", "y"]["position"] == position


def test_the_view_is_a_copy():
    traced = trace(Residual())
    traced.to_networkx().remove_node("x")
    assert "x" in traced.to_networkx()


def test_a_reference_to_nothing_is_named():
    broken = graph(y=record(Output(), Ref("gone")))
    with pytest.raises(GraphError, match="'y' takes the value of 'gone', which is not in the graph"):
        broken.to_networkx()
