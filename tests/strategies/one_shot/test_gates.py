from __future__ import annotations

import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from retiarii import ModelSpace
from retiarii.nn import LayerChoice
from retiarii.strategies.one_shot.gates import gated
from retiarii.strategies.one_shot.supernet import Supernet
from retiarii.strategies.one_shot.ways import Ways


def numbers_gradient(weigh):
    """Of the two numbers that the gates are drawn from, as ProxylessNAS has it."""
    torch.manual_seed(0)
    numbers = torch.tensor([0.3, -0.2], dtype=torch.float64, requires_grad=True)
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    gates = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    loss = weigh(gates, x.tanh(), x.detach().square()).square().sum()
    of_gates, of_x = torch.autograd.grad(loss, [gates, x])
    (of_numbers,) = torch.autograd.grad(numbers.softmax(0), numbers, of_gates)
    return of_numbers, of_x


def test_numbers_get_the_gradients_of_a_weighed_sum():
    ours = numbers_gradient(lambda gates, taken, other: gated(gates, taken, [other]))
    by_hand = numbers_gradient(lambda gates, taken, other: gates[0] * taken + gates[1] * other)
    for found, expected in zip(ours, by_hand, strict=True):
        torch.testing.assert_close(found, expected)


def test_what_is_taken_is_not_copied_and_may_be_changed_in_place():
    gates = torch.tensor([1.0, 0.0], requires_grad=True)
    taken, other = torch.randn(4, requires_grad=True), torch.randn(4)
    result = gated(gates, taken + 0, [other])
    assert torch.equal(result, taken)
    result += 1
    of_gates, of_taken = torch.autograd.grad(result.square().sum(), [gates, taken])
    expected = 2 * (taken + 1)
    torch.testing.assert_close(of_taken, expected)
    torch.testing.assert_close(of_gates, torch.stack([torch.zeros(()), (expected * (other - taken)).sum()]))


class Candidates(ModelSpace):
    def __init__(self):
        super().__init__()
        self.op = LayerChoice([nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1)], label="op")

    def forward(self, x):
        return self.op(x)


def test_one_tensor_is_kept_beside_the_path():
    supernet = Supernet(Candidates())
    supernet.engage()
    supernet.decide({"op": Ways((0, 1), torch.tensor([1.0, 0.0], requires_grad=True))})
    kept = {}
    with saved_tensors_hooks(lambda tensor: kept.setdefault(tensor.data_ptr(), tensor), lambda tensor: tensor):
        result = supernet.space(torch.randn(2, 4, 8, 8, requires_grad=True))
    own = {parameter.data_ptr() for parameter in supernet.space.parameters()}
    assert sum([tensor.numel() for pointer, tensor in kept.items() if pointer not in own]) == 2 * result.numel()
