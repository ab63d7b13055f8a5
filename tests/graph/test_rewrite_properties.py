"""Random edits of graphs."""

from __future__ import annotations

import contextlib

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from retiarii.errors import MutationError
from retiarii.graph import Graph, trace


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x))) + x


class Drop(nn.Module):
    def forward(self, x):
        return F.dropout(x, 0.1) if self.training else x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 1)
        self.body = nn.Sequential(Block(4), Block(4))
        self.act = nn.ReLU()
        self.drop = Drop()
        self.gain = nn.Parameter(torch.ones(4, 1, 1))
        self.fc = nn.Linear(4, 2)
        self.tied = nn.Linear(4, 2)
        self.tied.weight = self.fc.weight

    def forward(self, x):
        x = self.act(self.stem(x))
        x = self.drop(self.act(self.body(x)) * self.gain)
        y = x.mean((2, 3)).view(-1, 4)
        return self.fc(y) + self.tied(y)


BASE = trace(Net())


Edit = tuple[str, int, int, int]
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["update", "replace", "after", "before", "on", "add", "connect", "remove"]),
        st.integers(0, 50),
        st.integers(0, 50),
        st.integers(0, 5),
    ),
    max_size=8,
)
OPERATIONS = (nn.ReLU, nn.Conv2d(4, 4, 1), F.gelu, "abs", torch.tanh, nn.BatchNorm2d(4))


def edited(graph: Graph, edit: Edit) -> None:
    kind, first, second, number = edit
    nodes = graph.nodes
    node, other, operation = nodes[first % len(nodes)], nodes[second % len(nodes)], OPERATIONS[number]
    match kind:
        case "update":
            node.update(**{["inplace", "bias", "eps", "padding"][number % 4]: number})
        case "replace":
            node.replace(operation)
        case "after":
            graph.insert_after(node, operation)
        case "before":
            graph.insert_before(node, operation)
        case "on":
            graph.insert_on((node, other), operation)
        case "add":
            graph.add(operation, node, other)
        case "connect":
            graph.connect(node, other, number if number < 2 else "input")
        case "remove":
            graph.remove(node)


@settings(max_examples=300)
@given(EDITS)
def test_random_edits_give_a_graph_that_builds_or_an_error(edits: list[Edit]) -> None:
    before, fingerprint = BASE.to_json(), BASE.fingerprint()
    graph = BASE.fork()
    for edit in edits:
        with contextlib.suppress(MutationError):
            edited(graph, edit)
        assert all(node in taken.users for node in graph for taken in node.inputs)
        assert all(user in graph and node in user.inputs for node in graph for user in node.users)
    assert BASE.to_json() == before
    try:
        graph.validate()
    except MutationError:
        return
    compile(graph.to_code(), "generated", "exec")
    built = graph.to_module()
    twin = Graph.from_json(graph.to_json())
    assert twin.fingerprint() == graph.fingerprint()
    assert twin.to_code() == graph.to_code()
    assert list(built.state_dict()) == list(twin.to_module().state_dict())
    assert BASE.fork().fingerprint() == fingerprint
