"""`DARTS`: all candidates at once, weighed by a softmax whose numbers are trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

import pytorch_lightning as pl
from torch import nn

from retiarii.strategies.one_shot.alternating import AlternatingModule, Turns
from retiarii.strategies.one_shot.compilation import mixtures
from retiarii.strategies.one_shot.differentiable import DifferentiableStrategy, Options
from retiarii.strategies.one_shot.pairing import Pair
from retiarii.strategies.one_shot.supernet import Supernet
from retiarii.strategies.one_shot.unrolled import unrolled_gradients
from retiarii.strategies.one_shot.ways import Ways


class DARTS(DifferentiableStrategy):
    """Differentiable architecture search: every choice is the sum of its candidates, weighed by a softmax of numbers.

    The numbers follow the gradient of the loss, of first order at the present weights, or of second order at those
    that one more step would give: with the paper's finite differences, through a step of SGD with its momentum and
    weight decay. For another optimizer that step is taken to be one along the plain gradient, with its learning rate.

    Choices without parameters, such as skip connections, are easy to train and tend to win in long runs: stop early, or
    let the weights have a head start by `warmup_epochs`.

    Source: Liu, Simonyan, Yang: "DARTS: Differentiable Architecture Search", ICLR 2019.

    Args:
        second_order: Whether gradients go through a step of the weights, at four times the cost of a first-order one.
        options: Those of `DifferentiableStrategy`.
    """

    def __init__(self, *, second_order: bool = False, **options: Unpack[Options]) -> None:
        super().__init__(**options)
        self.second_order = second_order

    def compiled_modules(self, supernet: Supernet) -> list[nn.Module]:
        return mixtures(supernet)

    def alternating(self, task: pl.LightningModule, supernet: Supernet, turns: Turns) -> AlternatingModule:
        return (SecondOrderModule if self.second_order else MixtureModule)(task, supernet, turns)


class MixtureModule(AlternatingModule):
    """Weighs all candidates by their probabilities."""

    def weigh(self, index: int, phase: int) -> Mapping[str, Ways]:
        return self.distribution()


class SecondOrderModule(MixtureModule):
    """Follows gradients through a step of the weights."""

    def train_architecture(self, pair: Pair, index: int) -> None:
        self.step(unrolled_gradients(self, pair, index))
