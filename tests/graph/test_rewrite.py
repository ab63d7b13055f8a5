"""Edits of graphs."""

from __future__ import annotations

import operator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import retiarii.nn as rnn
from retiarii.errors import MutationError
from retiarii.graph import Graph, Node, trace
from retiarii.graph.operation import Input, Output, Tensor

X = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))


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


def names(nodes: list[Node]) -> list[str]:
    return [node.name for node in nodes]


def one(graph: Graph, op: Any) -> Node:
    return graph.find(op)[0]


@pytest.mark.parametrize(
    ("how", "found"),
    [
        ({"op": nn.Conv2d}, 3),
        ({"op": rnn.Conv2d}, 3),
        ({"op": nn.modules.conv._ConvNd}, 3),
        ({"op": nn.Module}, 9),
        ({"op": nn.LSTM}, 0),
        ({"op": F.relu}, 2),
        ({"op": operator.add}, 3),
        ({"op": "view"}, 1),
        ({"op": "nothing"}, 0),
        ({"op": Input}, 1),
        ({"op": Output}, 1),
        ({"op": Tensor}, 1),
        ({"scope": "body"}, 8),
        ({"scope": "body.1"}, 4),
        ({"scope": "bod"}, 0),
        ({"op": nn.Conv2d, "scope": "body.0"}, 1),
        ({"label": "depth"}, 0),
        ({"where": lambda node: node.mode is True}, 1),
        ({"op": nn.Linear, "where": lambda node: node.target == "tied"}, 1),
        ({}, len(BASE)),
    ],
)
def test_find(how, found: int) -> None:
    assert len(BASE.find(**how)) == found


def test_nodes_are_found_by_the_label_of_their_choice() -> None:
    model = nn.Sequential(rnn.LayerChoice([nn.Linear(3, 3), nn.Identity()], label="op"), nn.ReLU())
    assert len(trace(model).find(label="op")) == 1


def test_update_changes_every_call_of_a_shared_layer() -> None:
    graph = BASE.fork()
    one(graph, nn.ReLU).update(inplace=True)
    assert [node.parameters["inplace"] for node in graph.find(nn.ReLU)] == [True, True]
    assert BASE.find(nn.ReLU)[0].parameters["inplace"] is False
    assert graph.fingerprint() != BASE.fingerprint()


def test_updates_keep_the_type_of_a_value() -> None:
    graph = trace(nn.Sequential(nn.Dropout(0.5)))
    assert one(graph, nn.Dropout).update(p=1).parameters["p"] == 1
    assert type(one(graph.fork(), nn.Dropout).update(p=True).parameters["p"]) is bool


def test_an_update_is_seen_by_what_is_derived() -> None:
    graph = trace(nn.Sequential(rnn.LayerChoice([nn.Linear(3, 3), nn.Identity()], label="op"), nn.Linear(3, 3)))
    graph.apply({"op": 0})
    graph.find(nn.Linear, where=lambda node: node.target == "1")[0].update(out_features=5)
    assert graph.apply({"op": 1}).to_module()(torch.randn(2, 3)).shape == (2, 5)


def test_replace_keeps_the_place_of_a_layer() -> None:
    graph = BASE.fork()
    node = one(graph, nn.Conv2d).replace(nn.Conv2d, in_channels=3, out_channels=4, kernel_size=5, padding=2)
    assert node.target == "stem"
    assert graph.to_module()(X).shape == (2, 2)
    assert BASE["stem"].parameters["kernel_size"] == 1


def test_replace_leaves_other_calls_of_a_shared_layer_alone() -> None:
    graph = BASE.fork()
    first, second = graph.find(nn.ReLU)
    first.replace(nn.GELU())
    assert first.target == "act_1"
    assert second.target == "act"
    assert "act" in graph.modules
    second.replace(F.silu)
    assert "act" not in graph.modules


def test_replace_by_an_instance_a_function_and_a_method() -> None:
    graph = BASE.fork()
    for node, operation in zip(
        graph.find(F.relu) + graph.find(nn.ReLU), [nn.Tanh(), F.elu, "sigmoid", torch.abs], strict=True
    ):
        node.replace(operation)
    graph.validate()
    assert graph.to_module()(X).shape == (2, 2)
    assert len(graph.find("sigmoid")) == 1


def test_what_is_replaced_is_no_longer_tied() -> None:
    graph = BASE.fork()
    graph["fc"].replace(nn.Linear, in_features=4, out_features=2, bias=False)
    built = graph.to_module()
    assert built.tied.weight is not built.fc.weight
    assert BASE.to_module().tied.weight is BASE.to_module().fc.weight or BASE.ties == {"tied.weight": "fc.weight"}


def test_insert_after_feeds_all_users() -> None:
    graph = BASE.fork()
    norm = graph.insert_after(graph["stem"], nn.BatchNorm2d, num_features=4)
    assert names(list(norm.inputs)) == ["stem"]
    assert [user.name for user in norm.users] == ["act"]
    assert [user.name for user in graph["stem"].users] == [norm.name]
    assert list(graph.records).index(norm.name) == list(graph.records).index("stem") + 1
    assert graph.to_module()(X).shape == (2, 2)


def test_insert_before_and_on_feed_one_user() -> None:
    graph = BASE.fork()
    add = one(graph, operator.add)
    users = len(graph["act"].users)
    before = graph.insert_before(add, nn.Identity)
    assert add.inputs[0] == before
    other = graph.insert_on((add.inputs[1], add), F.gelu)
    assert add.inputs == (before, other)
    assert len(graph["act"].users) == users
    graph.validate()


def test_added_layers_stand_in_the_container_of_their_neighbour() -> None:
    graph = BASE.fork()
    inside = graph.insert_after(graph.find(nn.Conv2d, scope="body.1")[0], nn.ReLU)
    assert inside.target == "body.1.relu"
    assert inside.scope == "body.1.relu"
    again = graph.insert_after(inside, nn.ReLU())
    assert again.target == "body.1.relu_1"


def test_new_paths_avoid_whatever_stands_there() -> None:
    class Clash(nn.Module):
        def __init__(self):
            super().__init__()
            self.gelu = nn.Sequential(nn.Linear(3, 3))
            self.tanh = nn.Parameter(torch.ones(3))

        def forward(self, x):
            return self.gelu(x) * self.tanh

    graph = trace(Clash())
    mul = one(graph, operator.mul)
    targets = [graph.insert_after(mul, cls).target for cls in (nn.GELU, nn.Tanh)]
    assert targets == ["gelu_1", "tanh_1"]
    assert graph.to_module()(torch.randn(2, 3)).shape == (2, 3)


def test_nodes_inserted_into_a_branch_run_in_that_mode() -> None:
    graph = BASE.fork()
    dropout = graph.find(where=lambda node: node.mode is True)[0]
    assert graph.insert_after(dropout, F.relu).mode is True
    assert graph.insert_before(dropout, nn.Hardswish).mode is True
    assert graph.add(torch.neg, dropout).mode is True
    graph.validate()
    assert "if self.training:" in graph.to_code()
    graph.to_module().eval()(X)


def test_add_and_connect() -> None:
    graph = BASE.fork()
    total = graph.add(operator.add, graph["stem"], graph["act"])
    graph.connect(total, graph.find(nn.Conv2d, scope="body.0")[0])
    graph.validate()
    assert names(list(graph["body_0_conv"].inputs)) == [total.name]
    assert list(graph.records).index(total.name) < list(graph.records).index("body_0_conv")
    assert graph.to_module()(X).shape == (2, 2)


def test_connect_by_keyword() -> None:
    graph = trace(nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)))
    scaled = graph.add(torch.add, graph["_0"], graph["_0"])
    graph.connect(scaled, graph["output"])
    graph.connect(graph["_1"], scaled, "other")
    assert dict(scaled.kwargs) == {"other": "_1"}


def test_remove_joins_the_ends() -> None:
    graph = BASE.fork()
    norm = graph.find(nn.BatchNorm2d)[0]
    before, after, target = norm.inputs[0], norm.users[0], norm.target
    graph.remove(norm)
    assert after.inputs == (before,)
    assert norm.name not in graph
    assert target not in graph.modules
    assert f"{target}.weight" not in graph.to_module().state_dict()
    assert target in BASE.modules


def test_users_and_inputs_are_right_after_each_edit() -> None:
    graph = BASE.fork()
    stem = graph["stem"]
    assert [user.name for user in stem.users] == ["act"]
    relu = graph.insert_after(stem, F.relu)
    assert stem.users == (relu,)
    graph.connect(stem, graph["act"])
    assert set(stem.users) == {relu, graph["act"]}
    graph.remove(relu)
    assert stem.users == (graph["act"],)
    assert graph["act"].inputs == (stem,)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda g: g["stem"].update(kernel=3),
            "'stem': torch.nn.Conv2d has no argument 'kernel'; it has in_channels, .*bias",
        ),
        (lambda g: g["view"].update(size=3), r"'view' \(.view\(\)\) calls no layer"),
        (lambda g: g["x"].replace(nn.ReLU), "'x' is the model's input"),
        (
            lambda g: g["stem"].replace(nn.Conv2d, in_channels=3),
            r"Conv2d\(in_channels=3\): missing.*out_channels.*by name",
        ),
        (
            lambda g: g["stem"].replace(nn.Conv2d, in_channels=3, out_channels=4, kernel_size=1, groups=2),
            "can't be made: in_channels",
        ),
        (lambda g: g["stem"].replace(lambda x: x), "can't be part of a graph"),
        (lambda g: g["stem"].replace(3), "3 is no layer, class of layers, function or method name"),
        (lambda g: g["stem"].replace("x); import os"), "is no name that a method"),
        (lambda g: g["stem"].replace(F.relu, inplace=True), "relu takes no constructor arguments: inplace"),
        (lambda g: g.insert_before(g["x"], nn.ReLU), "'x' takes no value"),
        (lambda g: g.insert_after(g["output"], nn.ReLU), "'output' is the model's output"),
        (lambda g: g.insert_on((g["x"], g["fc"]), nn.ReLU), "'fc' does not take the value of 'x'"),
        (lambda g: g.insert_after(BASE["stem"], nn.ReLU), "'stem' is part of another graph"),
        (lambda g: g.add(torch.neg, BASE["stem"]), "'stem' is part of another graph"),
        (lambda g: g.connect(g["x"], g["fc"], 4), "'fc' has 1 arguments, so there is no position 4"),
        (lambda g: g.connect(g["x"], g["fc"], -1), "no position -1"),
        (lambda g: g.connect(g["stem"], g["x"]), "'x' .input. takes no values"),
        (lambda g: g.remove(g["add"]), "'add' has 2 inputs and is taken by"),
        (lambda g: g.remove(g["x"]), "'x' has 0 inputs and is taken by stem"),
        (lambda g: g.remove(g["output"]), "'output' is the model's output"),
        (
            lambda g: (node := g["act"], g.remove(node), g.insert_after(node, nn.ReLU)),
            "'act' is not part of the graph any more",
        ),
    ],
)
def test_edits_that_can_not_be_done_are_refused(edit, message: str) -> None:
    graph = BASE.fork()
    before = graph.to_json()
    with pytest.raises(MutationError, match=message):
        edit(graph)
    if "any more" not in message:
        assert graph.to_json() == before
