"""Training the weights of a supernet and the numbers of its architecture in turns, both by gradients."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, TypeAlias

import pytorch_lightning as pl
import torch
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities.data import extract_batch_size
from torch import Tensor
from torch.optim import Optimizer

from retiarii.errors import ExperimentError
from retiarii.one_shot import Weights
from retiarii.strategies.one_shot.architecture import Architecture
from retiarii.strategies.one_shot.faithful import check_mixtures
from retiarii.strategies.one_shot.module import TRANSFERS, SupernetModule, checked_loss
from retiarii.strategies.one_shot.pairing import Pair, of_each
from retiarii.strategies.one_shot.penalty import Penalty
from retiarii.strategies.one_shot.processes import average
from retiarii.strategies.one_shot.seeding import derived
from retiarii.strategies.one_shot.supernet import Supernet
from retiarii.strategies.one_shot.ways import Ways

MakeOptimizer: TypeAlias = Callable[..., Optimizer]
"""Makes an optimizer of a list of parameters and `lr`, as a class of `torch.optim` does."""
ARCHITECTURE, WEIGHTS = range(2)
"""The parts of a step."""
_STATE = "architecture_optimizer"


@dataclass(frozen=True, slots=True)
class Turns:
    """How the architecture is trained beside the weights."""

    make_optimizer: MakeOptimizer
    learning_rate: float
    warmup_epochs: int = 0
    penalty: Penalty | None = None
    seed: int = 0
    method: str = ""
    """What the strategy is called."""


class AlternatingModule(SupernetModule):
    """In each step trains first the architecture on a batch of its own, then the weights, as the task trains them.

    A method says how labels are decided: `weigh` in a step, `settled` where the supernet is validated. The weights'
    part is Lightning's automatic optimisation of the task, with all that belongs to it. The architecture has an
    optimizer of its own, which the task and the trainer do not see, and its gradients go to nothing else.

    Args:
        task: The user's module, whose model is the supernet's space.
        supernet: The supernet.
        turns: How the architecture is trained.

    Attributes:
        architecture: The numbers that are trained.
        at_once: So many values of a choice count in one part of a step; None for all.

    Raises:
        ExperimentError: the task optimises by itself.
    """

    at_once: ClassVar[int | None] = None

    def __init__(self, task: pl.LightningModule, supernet: Supernet, turns: Turns) -> None:
        super().__init__(task, supernet)
        if not task.automatic_optimization:
            raise ExperimentError(
                f"{type(task).__name__} has automatic_optimization=False, and this method trains weights and "
                "architecture in turns by itself: leave the optimisation to Lightning, or use RandomOneShot"
            )
        self.turns = turns
        self.architecture = Architecture(supernet.domain)
        self._optimizer: Optimizer | None = None
        self._restored: dict[str, Any] | None = None
        self._batch: Any = None
        self._is_checked = False
        vars(self).update({name: partial(of_each, vars(self)[name]) for name in TRANSFERS if name in vars(self)})

    @abstractmethod
    def weigh(self, index: int, phase: int) -> Mapping[str, Ways]:
        """How all labels are decided in a part of a step; for the architecture, gradients go through the weights.

        Args:
            index: Of the batch.
            phase: `ARCHITECTURE` or `WEIGHTS`; both for `random`, whose numbers are the same in all processes.
        """

    def settled(self) -> Mapping[str, Ways]:
        """How all labels are decided in validation: as likely as they are now."""
        return self.distribution()

    def distribution(self) -> dict[str, Ways]:
        """All values of all labels with their probabilities."""
        architecture = self.architecture
        return {
            label: Ways(architecture.values[label], architecture.probabilities(label), len(architecture.values[label]))
            for label in architecture.labels
        }

    def architecture_weights(self) -> Weights:
        return self.architecture.weights()

    def adopt(self, trainer: pl.Trainer) -> None:
        super().adopt(trainer)
        warmup, epochs = self.turns.warmup_epochs, trainer.max_epochs
        if epochs is not None and 0 <= epochs <= warmup:
            raise ExperimentError(
                f"{self.turns.method}(warmup_epochs={warmup}) leaves none of max_epochs={epochs} to the "
                "architecture: give fewer"
            )

    def training_step(self, batch: Pair, batch_idx: int) -> Any:
        self._batch = batch.weights
        with suppress(Skipped):
            if self.at_once != 1 and not self._is_checked:
                self._check_mixtures(batch, batch_idx)
            if self.current_epoch >= self.turns.warmup_epochs:
                self.train_architecture(batch, batch_idx)
        with torch.no_grad():
            ways = self.weigh(batch_idx, WEIGHTS)
        self.supernet.decide(ways)
        outcome = self.task.training_step(batch.weights, batch_idx)
        if outcome is not None:
            checked_loss(outcome, self.global_step)
        return outcome

    def _check_mixtures(self, pair: Pair, index: int) -> None:
        with self.aside():
            run = partial(self.loss_of, pair.weights, index)
            check_mixtures(self.supernet, self.architecture, self.turns.method, run, at_once=self.at_once)
        self._is_checked = True

    def train_architecture(self, pair: Pair, index: int) -> None:
        """One step of the architecture's optimizer."""
        numbers = list(self.architecture.parameters())
        self.step(self.gradients(self.architecture_loss(pair.architecture, index), numbers))

    def architecture_loss(self, batch: Any, index: int) -> Tensor:
        """The loss of a batch with the penalty, with gradients for the architecture; nothing is logged."""
        self.supernet.decide(self.weigh(index, ARCHITECTURE))
        with self.aside():
            loss = self.loss_of(batch, index)
        penalty = self.turns.penalty
        return loss if penalty is None else penalty.loss(loss, self.distribution())

    def loss_of(self, batch: Any, index: int) -> Tensor:
        outcome = self.task.training_step(batch, index)
        if outcome is None:
            raise Skipped
        return checked_loss(outcome, self.global_step)

    def gradients(self, loss: Tensor, parameters: Sequence[Tensor]) -> list[Tensor | None]:
        """The gradients of a loss, averaged over all processes; None for what it does not depend on."""
        scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        loss = loss if scaler is None else scaler.scale(loss)
        with torch.autocast(loss.device.type, enabled=False):
            found: Sequence[Tensor | None] = torch.autograd.grad(loss, parameters, allow_unused=True)
        if scaler is not None:
            found = [None if gradient is None else gradient / scaler.get_scale() for gradient in found]
        return average(found, parameters) if self.trainer.world_size > 1 else list(found)

    def step(self, gradients: Sequence[Tensor | None]) -> None:
        """Let the optimizer follow gradients of the architecture, unless they overflowed in half precision.

        Args:
            gradients: For each label, in their order; None lets its numbers be.

        Raises:
            ExperimentError: there is none at all.
        """
        if all(gradient is None for gradient in gradients):
            raise ExperimentError(
                f"the loss that {type(self.task).__name__}.training_step gives does not depend on the choices of "
                f"{type(self.supernet.space).__name__}: compute it from what the model gives"
            )
        if getattr(self.trainer.precision_plugin, "scaler", None) is not None and not _all_finite(gradients):
            return
        for number, gradient in zip(self.architecture.parameters(), gradients, strict=True):
            number.grad = gradient
        self.optimizer.step()
        self.optimizer.zero_grad()

    @property
    def optimizer(self) -> Optimizer:
        """That of the architecture."""
        if self._optimizer is None:
            numbers = list(self.architecture.parameters())
            self._optimizer = self.turns.make_optimizer(numbers, lr=self.turns.learning_rate)
            if self._restored is not None:
                self._optimizer.load_state_dict(self._restored)
        return self._optimizer

    def random(self, index: int, phase: int) -> torch.Generator:
        """Random numbers for a part of a step."""
        return torch.Generator().manual_seed(derived(self.turns.seed, self.current_epoch, index, phase))

    def configure_optimizers(self) -> Any:
        """The task's, which has to be one.

        Raises:
            ExperimentError: there is none, there are several, or it trains nothing of the supernet.
        """
        made = super().configure_optimizers()
        optimizers = _optimizers(made)
        if len(optimizers) != 1:
            raise ExperimentError(
                f"{type(self.task).__name__}.configure_optimizers gave {len(optimizers)} optimizers, and this method "
                "trains the weights with one, in turns with the architecture: give one for all parameters, with "
                "parameter groups where they differ"
            )
        held = {id(weight) for group in optimizers[0].param_groups for weight in group["params"]}
        if held.isdisjoint([id(weight) for weight in self.supernet.space.parameters()]):
            raise ExperimentError(
                f"the optimizer of {type(self.task).__name__} has none of the parameters of "
                f"{type(self.supernet.space).__name__}: let configure_optimizers give it self.parameters()"
            )
        return made

    def log(self, name: str, value: Any, *args: Any, **settings: Any) -> None:
        """Logs as ever; means are weighed by the sizes of the weights' batches."""
        if settings.get("batch_size") is None and self.trainer.training and self._batch is not None:
            settings["batch_size"] = extract_batch_size(self._batch)
        super().log(name, value, *args, **settings)

    def on_train_batch_start(self, batch: Pair, batch_idx: int) -> int | None:
        return super().on_train_batch_start(batch.weights, batch_idx)

    def on_train_batch_end(self, outputs: Any, batch: Pair, batch_idx: int) -> None:
        self._batch = None
        self.task.on_train_batch_end(outputs, batch.weights, batch_idx)

    def on_validation_start(self) -> None:
        if self.trainer.state.fn == TrainerFn.FITTING:
            with torch.inference_mode(False), torch.no_grad():
                self.supernet.decide(self.settled())
        self.task.on_validation_start()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint[_STATE] = self.optimizer.state_dict()
        super().on_save_checkpoint(checkpoint)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._restored = checkpoint[_STATE]
        self.task.on_load_checkpoint(checkpoint)


class Skipped(Exception):
    """The task gave no loss for a batch."""


def _optimizers(made: Any) -> list[Optimizer]:
    """Those in what `configure_optimizers` gives, in all forms that Lightning takes."""
    if isinstance(made, Optimizer):
        return [made]
    if isinstance(made, Mapping):
        return _optimizers(made.get("optimizer"))
    if not isinstance(made, Sequence):
        return []
    is_with_schedulers = len(made) == len(("optimizers", "schedulers")) and all(
        isinstance(part, Sequence) for part in made
    )
    parts = made[0] if is_with_schedulers else made
    return [optimizer for part in parts for optimizer in _optimizers(part)]


def _all_finite(gradients: Sequence[Tensor | None]) -> bool:
    return all(bool(gradient.isfinite().all()) for gradient in gradients if gradient is not None)
