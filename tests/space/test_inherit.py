"""Frozen models that start from parts of their space's weights."""

from __future__ import annotations

import pytest
import torch

from retiarii import ModelSpace, Mutator, nn
from retiarii.nn.growth import grow


class Net(ModelSpace):
    """A width whose default is the middle one, and a kernel whose default is the largest."""

    def __init__(self):
        super().__init__()
        width = nn.ValueChoice([6, 3, 12], label="width")
        kernel = nn.ValueChoice([5, 1, 3], label="kernel")
        self.conv = nn.Conv2d(2, width, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.head = nn.Linear(width, 4)

    def forward(self, x):
        return self.head(self.norm(self.conv(x)).mean((2, 3)))


def trained():
    space = Net()
    for tensor in space.state_dict().values():
        tensor.copy_(torch.rand(tensor.shape) * 9)
    return space


def test_what_is_large_enough_gives_its_part():
    space = trained()
    model = space.freeze({"width": 3, "kernel": 3}, inherit_weights=True)
    assert torch.equal(model.conv.weight, space.conv.weight[:3, :, 1:4, 1:4])
    assert torch.equal(model.norm.running_var, space.norm.running_var[:3])
    assert model.norm.num_batches_tracked == space.norm.num_batches_tracked
    assert torch.equal(model.head.weight, space.head.weight[:, :3])
    assert torch.equal(model.head.bias, space.head.bias)
    model.conv.weight.data.zero_()
    assert space.conv.weight.count_nonzero() > 0


def test_what_is_too_small_starts_anew():
    space = trained()
    model = space.freeze({"width": 12, "kernel": 5}, inherit_weights=True)
    assert torch.equal(model.norm.running_mean, torch.zeros(12))
    assert torch.equal(model.head.bias, space.head.bias)
    assert model.head.weight.abs().max() < 1


def test_fresh_models_take_no_part():
    space = trained()
    torch.manual_seed(0)
    fresh = space.freeze({"width": 3, "kernel": 1})
    assert torch.equal(fresh.norm.weight, torch.ones(3))
    assert fresh.head.weight.abs().max() < 1


@pytest.mark.parametrize("width", [3, 6, 12])
def test_of_a_grown_space_all_have_their_part(width):
    space = Net()
    grow(space)
    for tensor in space.state_dict().values():
        tensor.copy_(torch.rand(tensor.shape) * 9)
    for kernel, centre in ((5, slice(5)), (3, slice(1, 4)), (1, slice(2, 3))):
        model = space.freeze({"width": width, "kernel": kernel}, inherit_weights=True)
        assert torch.equal(model.conv.weight, space.conv.weight[:width, :, centre, centre])
        assert torch.equal(model.head.weight, space.head.weight[:, :width])
        assert torch.equal(model.norm.running_var, space.norm.running_var[:width])
    assert type(space.freeze({"width": width, "kernel": 5}).conv) is torch.nn.Conv2d


class Steadier(Mutator):
    """Normalizes with another constant."""

    def mutate(self, graph):
        chosen = self.choice([1e-5, 1e-3])
        for node in graph.find(op=torch.nn.BatchNorm2d):
            node.update(eps=chosen)


def test_models_that_mutators_make_have_their_part_too():
    space = trained()
    changed = ModelSpace.from_module(space, [Steadier("eps")])
    model = changed.freeze({"width": 3, "kernel": 3, "eps": 1e-3}, inherit_weights=True)
    assert torch.equal(model.conv.weight, space.conv.weight[:3, :, 1:4, 1:4])
    assert torch.equal(model.head.weight, space.head.weight[:, :3])
