"""`GumbelDARTS`: all candidates at once, weighed by a softmax with noise that makes it nearly a sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from retiarii.strategies.one_shot.alternating import AlternatingModule, Turns
from retiarii.strategies.one_shot.compilation import mixtures
from retiarii.strategies.one_shot.differentiable import DifferentiableStrategy, Options
from retiarii.strategies.one_shot.gumbel import gumbel_like
from retiarii.strategies.one_shot.supernet import Supernet
from retiarii.strategies.one_shot.temperature import Exponential, Temperature
from retiarii.strategies.one_shot.tempered import TemperedModule
from retiarii.strategies.one_shot.ways import Ways

PAPER = Exponential(5.0, 0.956)
"""The temperature of FBNet."""


class GumbelDARTS(DifferentiableStrategy):
    """DARTS with Gumbel noise, also known as FBNet and SNAS: in the end candidates are weighed nearly one at a time.

    In each step every choice is the sum of its candidates, weighed by the softmax of their logits, with fresh noise,
    divided by a temperature. As it falls, from epoch to epoch, the weights come closer to one candidate, drawn by its
    probability. Validation and penalty see the probabilities without noise.

    Source: Wu et al., "FBNet: Hardware-Aware Efficient ConvNet Design via Differentiable Neural Architecture Search",
    CVPR 2019, section 3.2; Xie et al., "SNAS: Stochastic Neural Architecture Search", ICLR 2019; Jang et al.,
    "Categorical Reparameterization with Gumbel-Softmax", ICLR 2017, for `hard`.

    Args:
        temperature: For an epoch, of so many; by default that of FBNet, 5 in the first one and 0.956 times as much in
            each further one.
        hard: Whether one candidate counts fully, with the gradients of all (straight through). All are computed, too.
        options: Those of `DifferentiableStrategy`.
    """

    def __init__(self, *, temperature: Temperature = PAPER, hard: bool = False, **options: Unpack[Options]) -> None:
        super().__init__(**options)
        self.temperature = temperature
        self.hard = hard

    def compiled_modules(self, supernet: Supernet) -> list[nn.Module]:
        return mixtures(supernet)

    def alternating(self, task: pl.LightningModule, supernet: Supernet, turns: Turns) -> AlternatingModule:
        return GumbelModule(task, supernet, turns, self.temperature, hard=self.hard)


FBNet = GumbelDARTS
"""The name of the paper."""


class GumbelModule(TemperedModule):
    """Weighs all candidates by a softmax with noise."""

    def __init__(
        self, task: pl.LightningModule, supernet: Supernet, turns: Turns, temperature: Temperature, *, hard: bool
    ) -> None:
        super().__init__(task, supernet, turns, temperature)
        self._hard = hard

    def weigh(self, index: int, phase: int) -> Mapping[str, Ways]:
        architecture, temperature, random = self.architecture, self.temperature, self.random(index, phase)
        ways = {}
        for label in architecture.labels:
            logits = architecture.logits(label)
            weights = gumbel_softmax(logits, gumbel_like(logits, random), temperature, hard=self._hard)
            ways[label] = Ways(architecture.values[label], weights, len(weights))
        return ways


def gumbel_softmax(logits: Tensor, noise: Tensor, temperature: float, *, hard: bool = False) -> Tensor:
    """The softmax of (logits + noise) / temperature; if hard, the largest becomes 1 and the others 0.

    Gradients are those of the softmax in both cases.
    """
    soft = ((logits + noise) / temperature).softmax(0)
    if not hard:
        return soft
    largest = torch.zeros_like(soft).index_fill(0, soft.argmax(), 1.0)
    return largest - soft.detach() + soft
