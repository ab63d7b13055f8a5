from __future__ import annotations

import json

import pytest
import torch
from agreement import assert_plain

from retiarii import ModelSpace, Mutator, apply_fixed_architecture, nn
from retiarii.errors import SampleError, SpaceError


class Space(ModelSpace):
    def __init__(self):
        super().__init__()
        self.op = nn.LayerChoice([nn.Linear(4, 4), nn.Identity(), nn.Linear(4, 4, bias=False)], label="op")
        self.act = nn.LayerChoice({"relu": nn.ReLU(), "tanh": nn.Tanh()}, label="act")
        self.skip = nn.InputChoice(n_candidates=2, label="skip")
        self.pool = nn.AvgPool1d(nn.ValueChoice([(1,), (2,)], label="pool"))
        self.drop = nn.Dropout(nn.ValueChoice([0.0, 0.5], label="drop"))

    def forward(self, x):
        y = self.skip([self.act(self.op(x)), x])
        return self.drop(self.pool(x if y is None else y))


DEFAULT = {"op": 0, "act": "relu", "skip": [0, 1], "pool": [1], "drop": 0.0}


def chosen(model):
    skip = model.skip.chosen
    return type(model.op).__name__, type(model.act).__name__, skip, model.pool.kernel_size, model.drop.p


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"op": 1}, ("Identity", "ReLU", [0, 1], (1,), 0.0)),
        ({"op": "1"}, ("Identity", "ReLU", [0, 1], (1,), 0.0)),
        ({"op": [1]}, ("Identity", "ReLU", [0, 1], (1,), 0.0)),
        ({"op": ["1"]}, ("Identity", "ReLU", [0, 1], (1,), 0.0)),
        ({"op": [False, True, False]}, ("Identity", "ReLU", [0, 1], (1,), 0.0)),
        ({"act": "tanh"}, ("Linear", "Tanh", [0, 1], (1,), 0.0)),
        ({"act": ["tanh"]}, ("Linear", "Tanh", [0, 1], (1,), 0.0)),
        ({"act": [False, True]}, ("Linear", "Tanh", [0, 1], (1,), 0.0)),
        ({"skip": []}, ("Linear", "ReLU", [], (1,), 0.0)),
        ({"skip": [False, False]}, ("Linear", "ReLU", [], (1,), 0.0)),
        ({"skip": 1}, ("Linear", "ReLU", [1], (1,), 0.0)),
        ({"skip": [1]}, ("Linear", "ReLU", [1], (1,), 0.0)),
        ({"skip": [1, 0]}, ("Linear", "ReLU", [0, 1], (1,), 0.0)),
        ({"skip": [False, True]}, ("Linear", "ReLU", [1], (1,), 0.0)),
        ({"pool": [2]}, ("Linear", "ReLU", [0, 1], (2,), 0.0)),
        ({"drop": 0.5}, ("Linear", "ReLU", [0, 1], (1,), 0.5)),
        ({"drop": "0.5"}, ("Linear", "ReLU", [0, 1], (1,), 0.5)),
    ],
)
def test_every_form_is_understood(written, expected, tmp_path):
    path = tmp_path / "final.json"
    path.write_text(json.dumps({**DEFAULT, **written}))
    for architecture in (path, str(path), {**DEFAULT, **written}):
        model = Space()
        apply_fixed_architecture(model, architecture)
        assert chosen(model) == expected
        assert_plain(model)
        assert model(torch.ones(1, 4)).shape[0] == 1


@pytest.mark.parametrize(
    "written",
    [
        {"op": 3}, {"op": -1}, {"op": "3"}, {"op": [0, 1]}, {"op": [True, True, False]}, {"op": [True, False]},
        {"op": True}, {"op": None}, {"op": []}, {"op": {}}, {"act": 0}, {"act": "gelu"}, {"skip": [2]},
        {"skip": [0, 0]}, {"skip": [True]}, {"skip": "0"}, {"skip": None}, {"pool": 1.5}, {"drop": True},
        {"drop": 1}, {"x": 1},
    ],
)  # fmt: skip
def test_other_forms_are_refused_and_named(written):
    model = Space()
    with pytest.raises(SampleError, match=f"'{next(iter(written))}'"):
        apply_fixed_architecture(model, {**DEFAULT, **written})
    assert isinstance(model, ModelSpace)


def test_weights_stay():
    model = Space()
    weight = model.op[0].weight
    apply_fixed_architecture(model, DEFAULT)
    assert model.op.weight is weight


def test_any_module_with_choices_will_do():
    model = torch.nn.Sequential(
        nn.LayerChoice([nn.ReLU(), nn.Tanh()]), nn.Linear(3, nn.ValueChoice([2, 4], label="width"))
    )
    apply_fixed_architecture(model, {"0": 1, "width": 4})
    assert [type(layer) for layer in model] == [torch.nn.Tanh, torch.nn.Linear]
    assert model(torch.ones(1, 3)).shape == (1, 4)


def test_what_can_not_be_changed_in_place_is_refused():
    class Nothing(Mutator):
        def mutate(self, graph):
            self.choice([1, 2])

    with pytest.raises(SpaceError, match=r"MutatedSpace can't be changed in place.*freeze"):
        apply_fixed_architecture(ModelSpace.from_module(Space(), [Nothing()]), DEFAULT)
    with pytest.raises(SpaceError, match="LayerChoice can't be changed in place"):
        apply_fixed_architecture(nn.LayerChoice([nn.ReLU()], label="act"), {"act": 0})
