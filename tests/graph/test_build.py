"""Modules made from graphs: what they share, and how they are copied and stored."""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest
import torch
from torch import nn

from retiarii.errors import BuildError, OpaqueWarning
from retiarii.graph import Graph, trace

X = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.scale = nn.Parameter(torch.rand(4, 1, 1))
        self.register_buffer("shift", torch.rand(4, 1, 1))
        self.head = nn.Linear(4, 5)

    def forward(self, x):
        x = self.stem(x) * self.scale + self.shift
        return self.head(x.mean((2, 3)))


class Careful(nn.Module):
    """Can't be traced."""

    def __init__(self, width):
        super().__init__()
        self.fc = nn.Linear(width, width)

    def forward(self, x):
        return self.fc(x) if x.sum() > 0 else x


class Around(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Careful(4)
        self.out = nn.Linear(4, 4)

    def forward(self, x):
        return self.out(self.inner(x))


def test_weights_are_shared_and_only_what_differs_is_made() -> None:
    model = Net().eval()
    graph = trace(model)
    graph.find(nn.Linear)[0].update(out_features=7)
    built = graph.to_module(weights=model)
    assert built.stem[0] is model.stem[0]
    assert built.stem[1] is model.stem[1]
    assert built.scale is model.scale
    assert built.shift is model.shift
    assert built.head is not model.head
    assert built(X).shape == (2, 7)
    assert not any(module.training for module in built.modules())


def test_a_shared_parameter_of_another_shape_is_made_anew() -> None:
    graph, other = trace(Net()), Net()
    other.scale = nn.Parameter(torch.rand(1, 1, 1))
    built = graph.to_module(weights=other)
    assert built.scale is not other.scale
    assert built.scale.shape == (4, 1, 1)


def test_layers_of_weights_that_were_changed_by_hand_are_not_taken() -> None:
    model = Net()
    graph = trace(model)
    model.stem[2] = nn.ReLU(inplace=True)
    model.head.bias = None
    built = graph.to_module(weights=model)
    assert built.stem[2].inplace is False
    assert built.head.bias is not None


def test_opaque_modules_are_shared() -> None:
    model = Around()
    with pytest.warns(OpaqueWarning):
        graph = trace(model)
    assert graph.to_module(weights=model).inner is model.inner
    assert graph.to_module().inner is not model.inner


def test_a_wholly_opaque_model_is_shared_or_made() -> None:
    model = Careful(4)
    with pytest.warns(OpaqueWarning):
        graph = trace(model)
    assert graph.to_module(weights=model) is model
    assert graph.to_module(weights=Careful(3)).fc.in_features == 4


@pytest.mark.parametrize("make", [Net, Around])
@pytest.mark.filterwarnings("ignore::retiarii.errors.OpaqueWarning")
def test_built_modules_pickle_and_copy(make: type[nn.Module]) -> None:
    model = make().eval()
    built = trace(model).to_module(weights=model)
    inputs = X if make is Net else torch.randn(2, 4)
    for twin in (pickle.loads(pickle.dumps(built)), copy.deepcopy(built)):  # noqa: S301  just written
        assert torch.equal(twin(inputs), model(inputs))
        assert twin.state_dict().keys() == model.state_dict().keys()
        assert all(ours is not theirs for ours, theirs in zip(twin.parameters(), model.parameters(), strict=True))


def test_a_pickled_module_does_not_follow_later_edits_of_its_graph() -> None:
    graph = trace(Net())
    built = graph.to_module().eval()
    graph.find(nn.Linear)[0].replace(nn.Identity)
    assert torch.equal(pickle.loads(pickle.dumps(built))(X), built(X))  # noqa: S301  just written


def test_graphs_pickle_without_what_was_derived() -> None:
    graph = trace(Net())
    fingerprint = graph.fingerprint()
    twin = pickle.loads(pickle.dumps(graph))  # noqa: S301  just written
    assert twin.fingerprint() == fingerprint
    assert twin.to_json() == graph.to_json()
    assert isinstance(copy.deepcopy(graph), Graph)


def test_tracebacks_show_the_generated_line() -> None:
    built = trace(Net()).to_module()
    try:
        built(torch.randn(2, 5, 8, 8))
    except RuntimeError as error:
        shown = "".join(traceback.format_exception(error))
    assert "x = self.stem[0](x)" in shown


def test_fresh_layers_are_built_in_the_mode_of_the_weights() -> None:
    model = Net().eval()
    graph = trace(model)
    graph.insert_after(graph.find(nn.ReLU)[0], nn.Dropout, p=0.5)
    assert not any(module.training for module in graph.to_module(weights=model).modules())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda graph: graph.modules.update({"head.inner": graph.modules["head"]}), "'head.inner'|layer at 'head'"),
        (lambda graph: graph.modules.update({"scale": graph.modules["head"]}), "more than one thing at 'scale'"),
        (lambda graph: graph.modules.update({"a..b": graph.modules["head"]}), "a part of it is empty"),
        (lambda graph: graph.tensors.update({"eval": graph.tensors["scale"]}), "'eval' can't be a tensor's path"),
        (lambda graph: graph.update("head", {"out_features": -1}), "can't be built"),
    ],
)
def test_what_can_not_be_built_is_said(change, message: str) -> None:
    graph = trace(Net())
    change(graph)
    with pytest.raises(BuildError, match=message):
        graph.to_module()
