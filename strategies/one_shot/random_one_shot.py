"""RandomOneShot (SPOS): a supernet trained on random paths, then searched."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import pytorch_lightning as pl

from retiarii.domain import Sample
from retiarii.errors import ExperimentError
from retiarii.evaluator import Trainable
from retiarii.one_shot import Session
from retiarii.space import ModelSpace
from retiarii.strategies.chain import Chain
from retiarii.strategies.deduplication import Deduplication
from retiarii.strategies.nsga2 import NSGA2
from retiarii.strategies.one_shot.draws import uniform
from retiarii.strategies.one_shot.fair_order import FairOrder
from retiarii.strategies.one_shot.limited import Limited
from retiarii.strategies.one_shot.module import SupernetModule, checked_loss
from retiarii.strategies.one_shot.sampled import TRAINING, SampledModule
from retiarii.strategies.one_shot.strategy import SupernetStrategy
from retiarii.strategies.one_shot.supernet import Supernet
from retiarii.strategies.regularized_evolution import RegularizedEvolution
from retiarii.strategy import Strategy
from retiarii.trial import Objectives

Order = Literal["uniform", "fair"]

TRIALS = 100
"""As many architectures are scored by default."""
_POPULATION, _PARENTS = 20, 5


class RandomOneShot(SupernetStrategy):
    """Trains a supernet on random architectures, then has a multi-trial strategy search it.

    Each batch trains the model of one sample, with the optimisation that the task has. Samples are uniform over the
    candidates of each choice and keep the constraints of the space. With `order="fair"` each batch trains a whole round
    of samples, in which all candidates take their turns (see `FairOrder`): the gradients of their losses are added up
    before the optimizer's step, so a batch costs as much as the round has paths, in the memory of one.

    Then architectures are scored by the validation metrics that they have with the shared weights, after batch norms
    got their own statistics. The search is part of the experiment: each architecture is a trial. It ends after 100
    trials, or `max_trials` of the experiment if that is more, or when all are known.

    Source: Guo et al., "Single Path One-Shot Neural Architecture Search with Uniform Sampling", ECCV 2020; for the fair
    order Chu et al., "FairNAS: Rethinking Evaluation Fairness of Weight Sharing Neural Architecture Search", ICCV 2021.

    Args:
        order: "uniform" or "fair".
        search: Proposes the architectures to score. By default `RegularizedEvolution` with a population of 20 and
            samples of 5, without repetitions, or `NSGA2` for several objectives.
        inherit_weights: Whether training starts from the weights that the space has; from fresh ones by default.
        compile: Whether the parts of the supernet in which nothing is decided, such as candidates, are compiled by
            `torch.compile` while it is trained, or the arguments of that.

    Raises:
        ExperimentError: there is no such order, or the search is no multi-trial strategy; or (when the training
            begins) the order is fair, and the task has manual optimisation.
        RetiariiError: (when the experiment is made) the search can't do with the space or the objectives.
    """

    weighs: ClassVar[bool] = False

    def __init__(
        self,
        *,
        order: Order = "uniform",
        search: Strategy | None = None,
        inherit_weights: bool = False,
        compile: bool | Mapping[str, Any] = False,
    ) -> None:
        super().__init__(inherit_weights=inherit_weights, compile=compile)
        if order not in get_args(Order):
            raise ExperimentError(f'RandomOneShot(order={order!r}): give "uniform" or "fair"')
        if search is not None and not isinstance(search, Strategy):
            raise ExperimentError(
                f"RandomOneShot(search={search!r}): give a multi-trial strategy, such as RegularizedEvolution()"
            )
        self.order = order
        self.search = search

    def check(self, space: ModelSpace, evaluator: Trainable, objectives: Objectives) -> None:
        super().check(space, evaluator, objectives)
        self._searching(objectives, TRIALS).bind(space.domain, objectives, 0)

    def module(self, task: pl.LightningModule, supernet: Supernet, session: Session) -> SupernetModule:
        return (FairModule if self.order == "fair" else UniformModule)(task, supernet, session.seed)

    def proposals(self, module: SupernetModule, session: Session) -> Strategy:
        return self._searching(session.objectives, max(TRIALS, session.max_trials or 0))

    def _searching(self, objectives: Objectives, trials: int) -> Strategy:
        search = default_search(objectives) if self.search is None else copy.deepcopy(self.search)
        return Chain(search, Limited(trials))


SPOS = RandomOneShot


def default_search(objectives: Objectives) -> Strategy:
    """What searches a trained supernet unless the user says otherwise."""
    if len(objectives) > 1:
        return Chain(NSGA2(), Deduplication())
    return Chain(RegularizedEvolution(_POPULATION, _PARENTS), Deduplication())


class UniformModule(SampledModule):
    """Trains one random path with each batch."""

    def draw(self, count: int, rng: np.random.Generator) -> list[Sample]:
        return uniform(self.supernet.domain, count, rng)


class FairModule(UniformModule):
    """Trains a fair round of paths with each batch; validation is of random ones.

    Raises:
        ExperimentError: the task has manual optimisation.
    """

    def __init__(self, task: pl.LightningModule, supernet: Supernet, seed: int) -> None:
        super().__init__(task, supernet, seed)
        if not task.automatic_optimization:
            raise ExperimentError(
                f'RandomOneShot(order="fair") adds up the gradients of several paths before a step, and '
                f"{type(task).__name__} makes its steps itself (automatic_optimization = False): use "
                'order="uniform", or a task with automatic optimisation'
            )
        self.fair_order = FairOrder(supernet.domain, seed)

    def drawn(self, purpose: int, index: int) -> Sample:
        if purpose != TRAINING:
            return super().drawn(purpose, index)
        self._batch = index
        self._round = self.fair_order.deal()
        return self._round[0]

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        if self._batch % self.trainer.accumulate_grad_batches == 0:
            for optimizer in self.trainer.optimizers:
                super().optimizer_zero_grad(self.current_epoch, self._batch, optimizer)
        *others, last = self._round
        for sample in others:
            self.supernet.follow(sample)
            outcome = super().training_step(*args, **kwargs)
            if outcome is not None:  # The task leaves the batch out.
                loss = checked_loss(outcome, self.global_step)
                self.trainer.strategy.backward(loss / self.trainer.accumulate_grad_batches, None)
        self.supernet.follow(last)
        return super().training_step(*args, **kwargs)

    def optimizer_zero_grad(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: Lightning calls it when the gradients of all paths but the last are there."""
