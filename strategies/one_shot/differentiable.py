"""What DARTS and its successors have in common: an architecture that is trained by gradients beside the weights."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Any, TypedDict

import pytorch_lightning as pl
import torch

from retiarii.errors import ExperimentError
from retiarii.evaluator import Trainable
from retiarii.one_shot import Session
from retiarii.space import ModelSpace
from retiarii.strategies.one_shot.alternating import AlternatingModule, MakeOptimizer, Turns
from retiarii.strategies.one_shot.module import SupernetModule
from retiarii.strategies.one_shot.pairing import paired
from retiarii.strategies.one_shot.penalty import Penalty
from retiarii.strategies.one_shot.proposals import Ranked
from retiarii.strategies.one_shot.strategy import SupernetStrategy
from retiarii.strategies.one_shot.supernet import Supernet
from retiarii.strategy import Strategy
from retiarii.trial import Objectives

DARTS_ADAM: MakeOptimizer = partial(torch.optim.Adam, betas=(0.5, 0.999), weight_decay=1e-3)
"""How the architecture is trained in DARTS (Liu et al., ICLR 2019, appendix A.1)."""


class Options(TypedDict, total=False):
    """The arguments that all differentiable methods take; see `DifferentiableStrategy`."""

    warmup_epochs: int
    split: float | None
    architecture_learning_rate: float
    architecture_optimizer: MakeOptimizer
    penalty: Penalty | None
    compile: bool | Mapping[str, Any]
    inherit_weights: bool


class DifferentiableStrategy(SupernetStrategy):
    """Trains a distribution over architectures by gradients, and proposes the most likely ones.

    In each step the architecture is trained on a batch of the validation data, then the weights on a batch of the
    training data. One epoch goes through the training data once. Then as many architectures are proposed as the search
    has trials, one by default, the most likely first.

    Args:
        warmup_epochs: For so many epochs only the weights are trained.
        split: The share of the training data, drawn at random, that the weights are trained with; the architecture is
            with the rest. None, the default, trains the architecture with the validation data.
        architecture_learning_rate: Of the architecture's optimizer.
        architecture_optimizer: What makes it, of a list of parameters and `lr`, such as `torch.optim.SGD`.
        penalty: What architectures cost, as a part of the architecture's loss: the average over the present
            distribution.
        compile: Whether the supernet is compiled by `torch.compile`, or with which of its arguments.
        inherit_weights: Whether training starts from the weights that the space has; from fresh ones by default.

    Raises:
        ExperimentError: an argument is out of its range.
    """

    def __init__(
        self,
        *,
        warmup_epochs: int = 0,
        split: float | None = None,
        architecture_learning_rate: float = 3e-4,
        architecture_optimizer: MakeOptimizer = DARTS_ADAM,
        penalty: Penalty | None = None,
        compile: bool | Mapping[str, Any] = False,
        inherit_weights: bool = False,
    ) -> None:
        super().__init__(inherit_weights=inherit_weights, compile=compile)
        if type(warmup_epochs) is not int or warmup_epochs < 0:
            raise ExperimentError(f"warmup_epochs is {warmup_epochs!r}; give a number of epochs, from 0 on")
        if split is not None and not 0 < split < 1:
            raise ExperimentError(
                f"split is {split!r}; give the weights' share of the training data, such as 0.5, or None"
            )
        if not architecture_learning_rate > 0:
            raise ExperimentError(
                f"architecture_learning_rate is {architecture_learning_rate!r}; give a number above 0"
            )
        self.warmup_epochs = warmup_epochs
        self.split = split
        self.architecture_learning_rate = architecture_learning_rate
        self.architecture_optimizer = architecture_optimizer
        self.penalty = penalty

    @abstractmethod
    def alternating(self, task: pl.LightningModule, supernet: Supernet, turns: Turns) -> AlternatingModule:
        """The method's module."""

    def module(self, task: pl.LightningModule, supernet: Supernet, session: Session) -> SupernetModule:
        make, rate = self.architecture_optimizer, self.architecture_learning_rate
        turns = Turns(make, rate, self.warmup_epochs, self.penalty, session.seed, type(self).__name__)
        return self.alternating(task, supernet, turns)

    def proposals(self, module: SupernetModule, session: Session) -> Strategy:
        assert isinstance(module, AlternatingModule)  # noqa: S101  for the type checker: `module` made it
        count = 1 if session.max_trials is None else session.max_trials
        return Ranked(module.architecture.most_likely, count, "the most likely architectures were proposed")

    def data(self, task: pl.LightningModule, data: Mapping[str, Any]) -> Mapping[str, Any]:
        return paired(data, self.split)

    def check(self, space: ModelSpace, evaluator: Trainable, objectives: Objectives) -> None:
        super().check(space, evaluator, objectives)
        if self.penalty is not None:
            self.penalty.check(space, is_average=True)
