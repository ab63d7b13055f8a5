"""Weighing several shapes of one parameter."""

from __future__ import annotations

import torch

from retiarii.strategies.one_shot.layers import masked
from retiarii.strategies.one_shot.ways import Ways


def test_parameters_of_undecided_shape_are_weighed():
    parameter = torch.nn.Parameter(torch.arange(1.0, 13).reshape(3, 4))
    shapes = ((2, 2), (1, 3), (3, 1))
    weights = torch.tensor([1.0, 10.0, 100.0], requires_grad=True)
    result = masked(parameter, Ways(shapes, weights, 3))
    counts = torch.tensor([[111.0, 11.0, 10.0], [101.0, 1.0, 0.0], [100.0, 0.0, 0.0]])
    assert torch.equal(result, parameter[:, :3] * counts)
    result.sum().backward()
    assert torch.equal(parameter.grad[:, :3], counts)
    assert weights.grad.tolist() == [14.0, 6.0, 15.0]
    (untrained,) = torch.autograd.grad(masked(parameter, Ways(shapes, weights, 1)).sum(), parameter)
    assert torch.equal(untrained, torch.tensor([[1.0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]]))
    gate = Ways(((2, 2),), torch.tensor([0.5]), 1)
    assert torch.equal(masked(parameter, gate), parameter[:2, :2] / 2)
