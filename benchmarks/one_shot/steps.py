"""Steps of training in plain PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn, optim
from torch.nn.functional import cross_entropy

from one_shot.plain import CLASSES, SIZE, MixedNetwork

Batch = tuple[Tensor, Tensor]


def batch_of(count: int) -> Batch:
    """Random images and classes."""
    return torch.randn(count, 3, SIZE, SIZE), torch.randint(CLASSES, (count,))


def sgd(parameters: Any) -> optim.SGD:
    return optim.SGD(parameters, 1e-3, momentum=0.9)


def darts_adam(parameters: Any) -> optim.Adam:
    return optim.Adam(parameters, 3e-4, betas=(0.5, 0.999), weight_decay=1e-3)


def plain_step(model: nn.Module, batch: Batch) -> Callable[[], None]:
    """Training of a model with an optimizer of its own."""
    optimizer = sgd(model.parameters())

    def step() -> None:
        cross_entropy(model(batch[0]), batch[1]).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def darts_step(network: MixedNetwork, batch: Batch) -> Callable[[], None]:
    """A first-order step of DARTS as short as it can be: gradients of the architecture alone, then of the weights."""
    weights, architecture = sgd(network.parameters()), darts_adam(network.alphas)

    def step() -> None:
        loss = cross_entropy(network(batch[0], is_architecture=True), batch[1])
        for alpha, gradient in zip(network.alphas, torch.autograd.grad(loss, network.alphas), strict=True):
            alpha.grad = gradient
        architecture.step()
        architecture.zero_grad()
        cross_entropy(network(batch[0], is_architecture=False), batch[1]).backward()
        weights.step()
        weights.zero_grad()

    return step
