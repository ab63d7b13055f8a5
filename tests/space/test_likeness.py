"""Marks of spaces: of other models others, and the same in every process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

from retiarii import ModelSpace, Mutator, nn
from retiarii.errors import OpaqueWarning
from retiarii.hub import AutoFormer
from retiarii.space.likeness import graph_mark, part_marks, unseen_classes


class Odd(torch.nn.Module):
    """Cannot be traced, and holds all sorts of things, some of them drawn."""

    def __init__(self, factor=2):
        super().__init__()
        self.factor = factor
        self.names = {"a", "b", "cc", "ddd"}
        self.linear = nn.Linear(4, 4)
        self.array, self.loose, self.held = np.random.rand(3), torch.randn(3), {("x", 1): torch.randn(2)}
        self.register_buffer("noise", torch.randn(4))

    def forward(self, x):
        return self.linear(x) * self.factor if x.sum() > 0 else x + self.noise


class Net(ModelSpace):
    def __init__(self, width=8, *, last=3, factor=2, scale=2.0, added=1):
        super().__init__()
        self.added = added
        self.op = nn.LayerChoice([nn.Linear(4, 4), nn.Sequential(nn.Linear(4, width), nn.Linear(width, 4))], label="op")
        self.odd = Odd(factor)
        self.head = nn.Linear(4, last)
        self.weight, self.scale = nn.Parameter(torch.randn(3)), torch.tensor(scale)
        self.register_buffer("noise", torch.randn(last))

    def forward(self, x):
        return self.head(self.odd(self.op(x))) * self.scale + self.noise + self.added


class Asking(ModelSpace):
    """A forward that looks at a choice."""

    def __init__(self, last=5):
        super().__init__()
        self.which = nn.ValueChoice([1, 2, 3], label="which")
        self.one, self.other = nn.Linear(4, 4), nn.Linear(4, last)

    def forward(self, x):
        return self.other(x) if self.which == 3 else self.one(x)


class Failing(Asking):
    """Some models that can't be made, which constraints may refuse."""

    def forward(self, x):
        if self.which == self.refused:
            raise RuntimeError("no such model")
        return super().forward(x)

    def __init__(self, refused):
        super().__init__()
        self.refused = refused


class Fill(Mutator):
    def __init__(self, *candidates):
        super().__init__("stem")
        self.candidates = candidates

    def mutate(self, graph):
        for node in graph.find(label="stem"):
            node.replace(self.choice(self.candidates))


def mutated(*candidates):
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), nn.Placeholder("stem"))
    return ModelSpace.from_module(model, [Fill(*candidates)])


def mark(space):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OpaqueWarning)
        return graph_mark(space.graph)


def parts(space):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OpaqueWarning)
        return part_marks(space.graph)


MADE = [Net, Asking, lambda: mutated(torch.nn.Tanh, torch.nn.ReLU), AutoFormer.small]


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"width": 16}, ["op.1"]),
        ({"last": 4}, ["", "head", "noise"]),
        ({"factor": 3}, ["odd"]),
        ({"scale": 3.0}, ["", "scale"]),
        ({"added": 2}, [""]),
    ],
)
def test_another_model_is_seen_and_where_it_is(changed, where):
    assert mark(Net(**changed)) != mark(Net())
    before, after = parts(Net()), parts(Net(**changed))
    assert {path for path in {**before, **after} if before.get(path) != after.get(path)} <= {*where}


def test_models_that_one_graph_does_not_show_are_seen():
    assert mark(Asking(5)) != mark(Asking(6))
    assert mark(mutated(torch.nn.Tanh, torch.nn.ReLU)) != mark(mutated(torch.nn.Tanh, torch.nn.GELU))
    assert mark(Failing(2)) == mark(Failing(2)) != mark(Failing(3))


def test_constraints_are_no_matter():
    space = Asking()
    before = mark(space)
    assert mark(space.constrain(lambda sample: sample["which"] != 3)) == before


def test_classes_that_no_graph_shows():
    assert unseen_classes(Asking(), Asking().graph) == [Asking]
    space = mutated(torch.nn.Tanh)
    assert unseen_classes(space, space.graph) == [Fill]
    space = Net()
    with pytest.warns(OpaqueWarning):
        graph = space.graph
    assert unseen_classes(space, graph) == [Odd]
    assert unseen_classes(space, None) == [Net, Odd]
    assert unseen_classes(AutoFormer.small(), None) == []


def test_parts_are_few():
    class Many(ModelSpace):
        def __init__(self, count):
            super().__init__()
            blocks = [nn.Sequential(nn.Linear(4, 4), nn.ReLU()) for _ in range(count)]
            self.blocks = nn.Sequential(*blocks)
            self.op = nn.LayerChoice([nn.Tanh(), nn.ReLU()], label="op")

        def forward(self, x):
            return self.op(self.blocks(x))

    assert {"blocks.0", "blocks.19"} < parts(Many(20)).keys()
    assert {*parts(Many(100))} <= {"", "blocks", "op"}


def marks():
    return [[mark(made()), parts(made())] for made in MADE]


def test_marks_are_the_same_in_every_process():
    def of_process(seed):
        code = (
            f"import json, torch, numpy; torch.manual_seed({seed}); numpy.random.seed({seed}); "
            f"torch.set_num_threads({1 + seed % 2}); import test_likeness; print(json.dumps(test_likeness.marks()))"
        )
        environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": os.path.dirname(__file__)}
        return json.loads(subprocess.check_output([sys.executable, "-c", code], env=environment, text=True))

    assert of_process(1) == of_process(2) == marks()


def test_nothing_is_drawn():
    space = Net()
    state = torch.get_rng_state()
    mark(space)
    assert torch.equal(torch.get_rng_state(), state)
