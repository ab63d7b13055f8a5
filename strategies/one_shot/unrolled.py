"""The gradient of an architecture through one step of its weights: the second order of DARTS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.random import fork_rng

from retiarii.strategies.one_shot.alternating import ARCHITECTURE, AlternatingModule
from retiarii.strategies.one_shot.pairing import Pair

_LENGTH = 0.01
"""How far the weights are moved, in all, to see how the gradient changes."""


def unrolled_gradients(module: AlternatingModule, pair: Pair, index: int) -> list[Tensor | None]:
    """For each number of the architecture the gradient of the loss after a step of the weights.

    With the architecture a, the weights w, and w' = w - r · d(w, a) after a step at the learning rate r, it is that of
    L_val(w'(a), a). What goes through w' is a second derivative times a vector u = r · c · dL_val/dw', where c is how
    much of a gradient is in the step d, which is approximated by

        (dL_train(w + e·u)/da - dL_train(w - e·u)/da) / 2e,  e = 0.01 / |u|.

    Liu et al., "DARTS", ICLR 2019, equations 7 and 8. Weights, buffers and metrics are left as they were.

    Args:
        module: Weighs the supernet.
        pair: The batches of the weights and of the architecture.
        index: Of the batch.
    """
    numbers = list(module.architecture.parameters())
    weights = [weight for weight in module.weights() if weight.requires_grad]
    with _restored(module.task, weights):
        before = [weight.detach().clone() for weight in weights]
        gradients = module.gradients(_training_loss(module, pair, index), weights)
        shares = _step(module.trainer.optimizers[0], weights, gradients)
        loss = module.architecture_loss(pair.architecture, index)
        both = module.gradients(loss, [*numbers, *weights])
        direct, through = both[: len(numbers)], both[len(numbers) :]
        vector = [
            torch.zeros_like(weight) if gradient is None else gradient * share
            for weight, gradient, share in zip(weights, through, shares, strict=True)
        ]
        length = float(torch.stack([part.norm() for part in vector]).norm())
        if length == 0:
            return direct
        scale = _LENGTH / length
        sides, devices = [], [module.device] if module.device.type == "cuda" else []
        for sign in (scale, -scale):
            _move(weights, before, vector, sign)
            with fork_rng(devices):
                sides.append(module.gradients(_training_loss(module, pair, index), numbers))
    return [_joined(own, above, below, 2 * scale) for own, above, below in zip(direct, *sides, strict=True)]


def _training_loss(module: AlternatingModule, pair: Pair, index: int) -> Tensor:
    module.supernet.decide(module.weigh(index, ARCHITECTURE))
    with module.aside():
        return module.loss_of(pair.weights, index)


@torch.no_grad()
def _step(optimizer: Optimizer, weights: Sequence[nn.Parameter], gradients: Sequence[Tensor | None]) -> list[float]:
    """Moves the weights as the optimizer would; how much of a gradient each step has in it.

    Those of other optimizers than SGD go along their gradients.
    """
    groups = {weight: group for group in optimizer.param_groups for weight in group["params"]}
    shares = []
    for weight, gradient in zip(weights, gradients, strict=True):
        group = groups.get(weight)
        if group is None or gradient is None:
            shares.append(0.0)
            continue
        rate = float(group["lr"])
        direction, share = gradient, 1.0
        if isinstance(optimizer, torch.optim.SGD):
            decayed = gradient + group["weight_decay"] * weight
            direction, share = _sgd(decayed, group, optimizer.state[weight])
        weight.sub_(rate * direction)
        shares.append(rate * share)
    return shares


def _sgd(gradient: Tensor, group: dict[str, Any], state: dict[str, Any]) -> tuple[Tensor, float]:
    """Where a step of SGD goes, and how much of the gradient is in it."""
    momentum = group["momentum"]
    if not momentum:
        return gradient, 1.0
    known = state.get("momentum_buffer")
    share = 1.0 if known is None else 1.0 - group["dampening"]
    moved = gradient if known is None else momentum * known + share * gradient
    if group["nesterov"]:
        return gradient + momentum * moved, 1.0 + momentum * share
    return moved, share


@torch.no_grad()
def _move(weights: Sequence[Tensor], before: Sequence[Tensor], vector: Sequence[Tensor], scale: float) -> None:
    for weight, origin, part in zip(weights, before, vector, strict=True):
        weight.copy_(origin + scale * part)


def _joined(direct: Tensor | None, above: Tensor | None, below: Tensor | None, distance: float) -> Tensor | None:
    if above is None or below is None:
        return direct
    through = (above - below) / distance
    return -through if direct is None else direct - through


@contextmanager
def _restored(task: nn.Module, weights: Sequence[nn.Parameter]) -> Iterator[None]:
    """Gives weights and buffers their values back in the end."""
    held = [*weights, *task.buffers()]
    values = [tensor.detach().clone() for tensor in held]
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, value in zip(held, values, strict=True):
                tensor.copy_(value)
