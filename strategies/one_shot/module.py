"""The Lightning module that trains a supernet with the steps of the user's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.model_helpers import is_overridden
from pytorch_lightning.utilities.signature_utils import is_param_in_hook_signature
from torch import nn

from retiarii.errors import ExperimentError
from retiarii.one_shot import Weights
from retiarii.strategies.one_shot.aside import LOGS, Aside
from retiarii.strategies.one_shot.processes import average, check_processes, keep_apart
from retiarii.strategies.one_shot.supernet import Supernet
from retiarii.strategies.one_shot.task import check_task, check_weights

TRANSFERS = ("on_before_batch_transfer", "transfer_batch_to_device", "on_after_batch_transfer")
"""The hooks that are called with each batch on its way to a device."""
_HANDED_ON = (
    *("configure_callbacks", "configure_model"),
    *("on_fit_end", "on_train_start", "on_train_end", "on_train_epoch_start", "on_train_epoch_end"),
    *("on_train_batch_end", "on_validation_start", "on_validation_end"),
    *("on_validation_epoch_start", "on_validation_epoch_end", "on_validation_batch_start", "on_validation_batch_end"),
    *("backward", "on_before_backward", "on_before_zero_grad", "on_before_optimizer_step"),
    *("configure_gradient_clipping", "optimizer_step", "optimizer_zero_grad", "lr_scheduler_step"),
    "on_load_checkpoint",
)
_HANDED_ON_AS_THEY_ARE = (
    *TRANSFERS,
    *("validation_step", "prepare_data", "val_dataloader"),
    *("on_validation_model_eval", "on_validation_model_train", "on_validation_model_zero_grad"),
)
"""The hooks of which Lightning asks whether there are any, and what arguments they take."""
_ARGUMENTS = ("hyper_parameters", "hparams_", "datamodule_hyper_parameters", "datamodule_hparams_")
"""What begins so in a checkpoint are the arguments that the user's module and data module were made with."""


class SupernetModule(pl.LightningModule):
    """Trains a supernet: the user's module computes losses and metrics, a method says which models they are of.

    What the task logs, is logged; its hooks are called, but for `teardown`: it is set up once, for training and for all
    architectures that are scored after it. Callbacks, which get this module, find the task's attributes in it. By
    default every step trains what the supernet is decided to be, as the task's own optimisation does it.

    Args:
        task: The user's module, whose model is the supernet's space.
        supernet: The supernet.

    Raises:
        ExperimentError: the task has no validation step, or a copy of the space.

    Attributes:
        task: The user's module.
        supernet: The supernet, whose weights are the task's.
        aside: A context in which the task logs nothing, and leaves its metrics alone.
    """

    def __init__(self, task: pl.LightningModule, supernet: Supernet) -> None:
        super().__init__()
        self.task = task
        self.supernet = supernet
        check_task(task, supernet.space)
        self.automatic_optimization = task.automatic_optimization
        self.aside = Aside(task, supernet.space)
        self._is_set_up = False
        vars(task).update({name: getattr(self, name) for name in LOGS})
        given = {name: getattr(task, name) for name in _HANDED_ON_AS_THEY_ARE if is_overridden(name, task)}
        vars(self).update(given)
        vars(self)["_log_hyperparams"] = task._log_hyperparams
        if not is_param_in_hook_signature(task.training_step, "batch_idx", min_args=2):
            vars(task)["training_step"] = partial(_without_index, task.training_step)

    def __getattr__(self, name: str) -> Any:
        """What callbacks look for in the user's module: its attributes."""
        task = vars(self).get("_modules", {}).get("task")
        if task is None or name.startswith("_") or name in self._modules:
            return super().__getattr__(name)
        return getattr(task, name)

    @property
    def hparams(self) -> Any:
        return self.task.hparams

    @property
    def hparams_initial(self) -> Any:
        return self.task.hparams_initial

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """What the task makes of a batch."""
        outcome = self.task.training_step(*args, **kwargs)
        loss = _loss_in(outcome)
        if self.automatic_optimization and isinstance(loss, torch.Tensor):
            _check_trains(loss)
        return outcome

    def configure_optimizers(self) -> Any:
        """The task's.

        Raises:
            ExperimentError: there is nothing to train.
        """
        check_weights(self.weights(), self.supernet.space)
        return self.task.configure_optimizers()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.task(*args, **kwargs)

    def weights(self) -> list[nn.Parameter]:
        """The parameters of the supernet and the task, which are no architecture parameters."""
        return list(self.task.parameters())

    def loss_of(self, batch: Any, index: int) -> torch.Tensor:
        """The task's training loss for a batch, of what the supernet is decided to be.

        Raises:
            ExperimentError: it is no tensor, or no finite number.
        """
        return checked_loss(self.task.training_step(batch, index), self.global_step)

    def validate_batch(self, batch: Any, index: int, loader: int = 0) -> Any:
        """Calls the task's validation step with as many arguments as it takes.

        Args:
            batch: As the task takes it.
            index: Of the batch.
            loader: The number of the loader it is from.
        """
        step = self.task.validation_step
        if not is_param_in_hook_signature(step, "batch_idx", min_args=2):
            return step(batch)
        if is_param_in_hook_signature(step, "dataloader_idx", explicit=True):
            return step(batch, index, loader)
        return step(batch, index)

    def setup(self, stage: str) -> None:
        """Sets the task up for training, the first time."""
        if not self._is_set_up:
            self._is_set_up = True
            self.task.setup("fit")

    def on_fit_start(self) -> None:
        check_task(self.task, self.supernet.space)
        self.task.on_fit_start()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> int | None:
        keep_apart(self.trainer)
        return self.task.on_train_batch_start(batch, batch_idx)

    def on_after_backward(self) -> None:
        """Averages the gradients over all processes, if there are several."""
        if self.trainer.world_size > 1:
            weights = self.weights()
            means = average([weight.grad for weight in weights], weights)
            for weight, mean in zip(weights, means, strict=True):
                weight.grad = mean
        self.task.on_after_backward()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """The task's; arguments are left out: nobody reads them, and they may be anything."""
        for name in [name for name in checkpoint if name.startswith(_ARGUMENTS)]:
            del checkpoint[name]
        self.task.on_save_checkpoint(checkpoint)

    def architecture_weights(self) -> Weights:
        """How likely each candidate of each label is now; empty for methods that draw all alike."""
        return {}

    def finish_epoch(self) -> None:
        """What the method does after the batches of an epoch, and its validation, before it is recorded and kept."""

    def adopt(self, trainer: pl.Trainer) -> None:
        """Sees that the trainer can do what the method needs, before it starts.

        Raises:
            ExperimentError: it can't.
        """
        check_processes(trainer)


def _without_index(step: Callable[[Any], Any], batch: Any, index: int = 0) -> Any:
    return step(batch)


def _handed_on(name: str) -> Callable[..., Any]:
    def hook(self: SupernetModule, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.task, name)(*args, **kwargs)

    hook.__name__ = name
    return hook


for _name in _HANDED_ON:
    setattr(SupernetModule, _name, _handed_on(_name))


def checked_loss(outcome: Any, step: int) -> torch.Tensor:
    """The loss in what a training step gives: a tensor, or a dict with one.

    Raises:
        ExperimentError: there is none, or it is no finite number, or does not depend on what is trained.
    """
    loss = _loss_in(outcome)
    if not isinstance(loss, torch.Tensor):
        raise ExperimentError(
            f"the task's training_step gave {type(outcome).__name__}; let it give the loss, or a dict with a 'loss'"
        )
    _check_trains(loss)
    if not torch.isfinite(loss):
        raise ExperimentError(
            f"the loss of the supernet is {loss.item()} at step {step}: try a lower learning rate, or clip gradients "
            "(gradient_clip_val)"
        )
    return loss


def _loss_in(outcome: Any) -> Any:
    return outcome.get("loss") if isinstance(outcome, dict) else outcome


def _check_trains(loss: torch.Tensor) -> None:
    if loss.numel() != 1:
        raise ExperimentError(
            f"the loss of the task's training_step has the shape {tuple(loss.shape)}: let it give one number, such as "
            "their mean"
        )
    if torch.is_grad_enabled() and not loss.requires_grad:
        raise ExperimentError(
            "the loss of the task's training_step has no gradient: compute it from what the model gives, and without "
            "detach(), item() or torch.no_grad()"
        )
