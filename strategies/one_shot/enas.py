"""ENAS: a supernet trained on paths that a controller draws, which learns which of them are good."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, get_args

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.trainer.states import RunningStage

from retiarii.domain import Sample
from retiarii.errors import ExperimentError
from retiarii.evaluator import Trainable
from retiarii.one_shot import Session, Weights
from retiarii.space import ModelSpace
from retiarii.strategies.digest import digest
from retiarii.strategies.one_shot.controller import Controller
from retiarii.strategies.one_shot.draws import uniform
from retiarii.strategies.one_shot.loaders import as_stage
from retiarii.strategies.one_shot.module import SupernetModule
from retiarii.strategies.one_shot.penalty import Penalty
from retiarii.strategies.one_shot.proposals import Ranked
from retiarii.strategies.one_shot.recalibration import by_batch
from retiarii.strategies.one_shot.reinforcement import Algorithm, Baseline, Learner
from retiarii.strategies.one_shot.rewards import Rewards, validation_batches
from retiarii.strategies.one_shot.sampled import CONTROL, PROPOSALS, SampledModule
from retiarii.strategies.one_shot.seeding import derived
from retiarii.strategies.one_shot.strategy import SupernetStrategy
from retiarii.strategies.one_shot.supernet import Supernet
from retiarii.strategies.one_shot.support import check_controlled
from retiarii.strategy import Strategy
from retiarii.trial import Direction, Objectives

_LOOKED_AT = 256


class ENAS(SupernetStrategy):
    """Trains a supernet on architectures that a controller draws, and the controller on how well these do.

    In each epoch, first every batch trains the model of one sample of the controller, with the optimisation that the
    task has. Then the controller, an LSTM that decides one choice after another, takes some steps: for each it draws
    samples, whose rewards are the metrics that their models have on one validation batch, with the shared weights.
    Batch norms take the statistics of that batch. A reward is compared with the moving average of rewards, in units of
    their spread, so the metric's scale does not matter.

    In the end, the most likely sample of the controller and others that it draws are validated, one trial each, after
    batch norms got their own statistics; the best one by that validation is the best of the experiment.

    With several objectives, rewards are the first one that the task logs. Costs count by `penalty`, or as constraints
    of the space, which all samples keep.

    Source: Pham et al., "Efficient Neural Architecture Search via Parameter Sharing", ICML 2018. The paper's controller
    takes 2000 steps of one sample each in an epoch.

    Args:
        algorithm: How the controller learns: "reinforce", as in the paper, or "ppo", which takes four careful steps
            with the same samples instead of one.
        learning_rate: Of the controller.
        controller_steps: How many steps the controller takes after each epoch.
        samples_per_step: How many samples it draws for each.
        warmup_epochs: So many epochs train weights only, on samples that are uniform over candidates; by default half
            of all. A controller that learns from weights that know little yet prefers what
            happened to be trained first, which is then trained most.
        baseline_decay: The share of the old average of rewards that stays with each step.
        entropy_weight: How much the mean entropy of decisions counts, which keeps the controller from being sure.
        skip_weight: How much it counts that the inputs of every `InputChoice` of any number are as likely as
            `skip_rate`: the paper's penalty, whose weight is 0.8 there.
        skip_rate: How likely an input should be.
        penalty: What models cost, taken off the reward.
        candidates: How many drawn samples are validated in the end, besides the most likely; or `max_trials` of the
            experiment if that is more.
        inherit_weights: Whether training starts from the weights that the space has; from fresh ones by default.
        compile: Whether the parts of the supernet in which nothing is decided, such as candidates, are compiled by
            `torch.compile` while it is trained, or the arguments of that.

    Raises:
        ExperimentError: a number is out of its range, or there is no such algorithm.
    """

    weighs: ClassVar[bool] = False

    def __init__(
        self,
        *,
        algorithm: Algorithm = "reinforce",
        learning_rate: float = 0.005,
        controller_steps: int = 20,
        samples_per_step: int = 8,
        warmup_epochs: int | None = None,
        baseline_decay: float = 0.9,
        entropy_weight: float = 0.05,
        skip_weight: float = 0.0,
        skip_rate: float = 0.4,
        penalty: Penalty | None = None,
        candidates: int = 10,
        inherit_weights: bool = False,
        compile: bool | Mapping[str, Any] = False,
    ) -> None:
        super().__init__(inherit_weights=inherit_weights, compile=compile)
        self.algorithm = algorithm
        self.learning_rate = learning_rate
        self.controller_steps = controller_steps
        self.samples_per_step = samples_per_step
        self.warmup_epochs = warmup_epochs
        self.baseline_decay = baseline_decay
        self.entropy_weight = entropy_weight
        self.skip_weight = skip_weight
        self.skip_rate = skip_rate
        self.penalty = penalty
        self.candidates = candidates
        self._check_arguments()

    def check(self, space: ModelSpace, evaluator: Trainable, objectives: Objectives) -> None:
        super().check(space, evaluator, objectives)
        check_controlled(space, type(self).__name__)
        if self.penalty is not None:
            self.penalty.check(space, is_average=False)

    def module(self, task: pl.LightningModule, supernet: Supernet, session: Session) -> ControlledModule:
        return ControlledModule(task, supernet, session, self)

    def proposals(self, module: SupernetModule, session: Session) -> Strategy:
        assert isinstance(module, ControlledModule)  # noqa: S101  (it is what `module` made)
        count = max(self.candidates + 1, session.max_trials or 0)
        return Ranked(module.proposed, count, "what the controller draws was validated")

    def _check_arguments(self) -> None:
        if self.algorithm not in get_args(Algorithm):
            raise ExperimentError(f'ENAS(algorithm={self.algorithm!r}): give "reinforce" or "ppo"')
        for name, least in _COUNTS.items():
            count = getattr(self, name)
            if count is None and name == "warmup_epochs":
                continue
            if not isinstance(count, int) or isinstance(count, bool) or count < least:
                raise ExperimentError(f"ENAS({name}={count!r}): give an integer from {least}")
        for name, (is_valid, expected) in _NUMBERS.items():
            number = getattr(self, name)
            if isinstance(number, bool) or not isinstance(number, int | float) or not is_valid(number):
                raise ExperimentError(f"ENAS({name}={number!r}): give {expected}")


_COUNTS = {"controller_steps": 1, "samples_per_step": 2, "warmup_epochs": 0, "candidates": 0}
_NUMBERS: dict[str, tuple[Callable[[float], bool], str]] = {
    "learning_rate": (lambda number: 0 < number < math.inf, "a positive number"),
    "baseline_decay": (lambda number: 0 <= number < 1, "a number from 0 to below 1"),
    "entropy_weight": (lambda number: 0 <= number < math.inf, "a number from 0"),
    "skip_weight": (lambda number: 0 <= number < math.inf, "a number from 0"),
    "skip_rate": (lambda number: 0 < number < 1, "a probability between 0 and 1"),
}


class ControlledModule(SampledModule):
    """Trains a supernet on the samples of a controller, and after each epoch the controller.

    Args:
        task: The user's module, whose model is the supernet's space.
        supernet: The supernet.
        session: Tells the seed and the objectives.
        settings: What the user said.
    """

    def __init__(self, task: pl.LightningModule, supernet: Supernet, session: Session, settings: ENAS) -> None:
        super().__init__(task, supernet, session.seed)
        self.controller = Controller(supernet.domain)
        self.baseline = Baseline(settings.baseline_decay)
        self._settings = settings
        self._learner = Learner(
            self.controller,
            algorithm=settings.algorithm,
            learning_rate=settings.learning_rate,
            entropy_weight=settings.entropy_weight,
            skip_weight=settings.skip_weight,
            skip_rate=settings.skip_rate,
        )
        self._rewards = Rewards(self, *_rewarded(session), settings.penalty)
        self._loaded: dict[str, Any] | None = None

    def adopt(self, trainer: pl.Trainer) -> None:
        super().adopt(trainer)
        warmup, epochs = self._settings.warmup_epochs, trainer.max_epochs
        if warmup is not None and epochs is not None and 0 <= epochs <= warmup:
            raise ExperimentError(
                f"ENAS(warmup_epochs={warmup}) leaves none of max_epochs={epochs} to the controller: give fewer"
            )
        if trainer.limit_val_batches == 0:
            raise ExperimentError("ENAS rewards architectures on validation batches, and limit_val_batches is 0")

    def draw(self, count: int, rng: np.random.Generator) -> list[Sample]:
        if self._is_warming_up():
            return uniform(self.supernet.domain, count, rng)
        samples: list[Sample] = self.trainer.strategy.broadcast(self.controller.draw(count, rng))
        return samples

    def finish_epoch(self) -> None:
        epoch, settings = self.current_epoch, self._settings
        if self._is_warming_up():
            return
        rng = np.random.default_rng([self.seed, CONTROL, epoch])
        batches = validation_batches(self, derived(self.seed, CONTROL, epoch), self._rewards.loader)
        with by_batch(self.task), as_stage(self.trainer, RunningStage.VALIDATING):
            for index in range(settings.controller_steps):
                samples = self.draw(settings.samples_per_step, rng)
                rewards = self._rewards.of(samples, next(batches), index)
                self._learner.learn(self.controller.options(samples), self.baseline.advantages(rewards))

    def _is_warming_up(self) -> bool:
        warmup = self._settings.warmup_epochs
        return self.current_epoch < (_epochs(self.trainer) // 2 if warmup is None else warmup)

    def proposed(self) -> Iterator[Sample]:
        """The most likely sample, then others as they are drawn; each once, as long as there are new ones."""
        rng = np.random.default_rng([self.seed, PROPOSALS])
        sample = self.controller.likeliest(_LOOKED_AT, rng)
        known = set[bytes]()
        batch = [sample]
        while batch:
            for sample in batch:
                if digest(sample) not in known:
                    known.add(digest(sample))
                    yield sample
            drawn = self.controller.draw(_LOOKED_AT, rng)
            batch = [sample for sample in drawn if digest(sample) not in known]

    def architecture_weights(self) -> Weights:
        return self.controller.marginals(_LOOKED_AT, np.random.default_rng([self.seed, PROPOSALS]))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["controller_optimizer"] = self._learner.optimizer.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        self._loaded = checkpoint["controller_optimizer"]

    def on_train_start(self) -> None:
        """By now the controller is on its device, where the state of its optimizer has to be, too."""
        if self._loaded is not None:
            self._learner.optimizer.load_state_dict(self._loaded)
            self._loaded = None
        super().on_train_start()


def _epochs(trainer: pl.Trainer) -> int:
    """How many epochs there will be, by `max_epochs` or `max_steps`; 0 if nobody has said."""
    if trainer.max_steps > 0:
        batches = trainer.max_steps * trainer.accumulate_grad_batches
        epochs = math.ceil(batches / trainer.num_training_batches)
        return min(epochs, trainer.max_epochs) if trainer.max_epochs and trainer.max_epochs > 0 else epochs
    return max(trainer.max_epochs or 0, 0)


def _rewarded(session: Session) -> tuple[str, Direction]:
    """The metric that rewards are made of, and which way is better."""
    measured = next(iter(session.measured.items()), None)
    if measured is None:
        raise ExperimentError(
            f"ENAS rewards architectures by a metric of the task, and all objectives are costs "
            f"({', '.join(session.objectives)}): add a metric"
        )
    return measured
