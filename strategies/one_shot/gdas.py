"""`GDAS`: one architecture a step, drawn, with gradients for its probability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Unpack

import pytorch_lightning as pl
import torch
from torch import Tensor

from retiarii.strategies.one_shot.alternating import AlternatingModule, Turns
from retiarii.strategies.one_shot.differentiable import Options
from retiarii.strategies.one_shot.drawing import DrawingModule, DrawingStrategy
from retiarii.strategies.one_shot.paths import drawn, ways_of
from retiarii.strategies.one_shot.supernet import Supernet
from retiarii.strategies.one_shot.temperature import Linear, Temperature
from retiarii.strategies.one_shot.tempered import TemperedModule
from retiarii.strategies.one_shot.ways import Ways

PAPER = Linear(10.0, 0.1)
"""The temperature of the paper."""


class GDAS(DrawingStrategy):
    """Gradient-based search by a differentiable architecture sampler: each step computes one drawn architecture.

    What is chosen is multiplied with a gate, which is 1, and whose gradient is that of the candidate's weight in the
    softmax of logits with the noise that chose it, divided by a temperature. Constraints are kept by all that is drawn;
    choices that are of no account in it learn nothing in the step.

    So a candidate gains where more of it would lower the loss, and is never compared with another one: where weights
    fit what was drawn, or batch norms follow, that says little, and the validation of what is proposed says more.

    Source: Dong, Yang: "Searching for a Robust Neural Architecture in Four GPU Hours", CVPR 2019, section 3.2.

    Args:
        temperature: For an epoch, of so many; by default that of the paper, from 10 in the first epoch down to 0.1 in
            the last one.
        options: Those of `DrawingStrategy`.
    """

    at_once: ClassVar[float] = 1

    def __init__(self, *, temperature: Temperature = PAPER, **options: Unpack[Options]) -> None:
        super().__init__(**options)
        self.temperature = temperature

    def alternating(self, task: pl.LightningModule, supernet: Supernet, turns: Turns) -> AlternatingModule:
        return GDASModule(task, supernet, turns, self.temperature)


class GDASModule(TemperedModule, DrawingModule):
    """Takes a drawn architecture, each part of it with a gate."""

    at_once: ClassVar[int | None] = 1

    def weigh(self, index: int, phase: int) -> Mapping[str, Ways]:
        architecture = self.architecture
        path = drawn(architecture, self.random(index, phase))
        ways = ways_of(architecture, path)
        if not torch.is_grad_enabled():
            return ways
        temperature = self.temperature
        for label in path.sample:
            made = path.labels[label]
            opened = gate(architecture.logits(label), made.noise, temperature, made.places[0])
            ways[label] = Ways(ways[label].values, opened)
        return ways


def gate(logits: Tensor, noise: Tensor, temperature: float, index: int) -> Tensor:
    """The number 1, shape (1,), with the gradient of a value's weight in a softmax with noise."""
    soft = ((logits + noise.to(logits)) / temperature).softmax(0)[index : index + 1]
    return 1 - soft.detach() + soft
