"""What watches a training: it reports each epoch, and ends what leads nowhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from retiarii.errors import MetricError
from retiarii.evaluator import TrialStopped, current_reporting, report_intermediate

_LOSSES = 32
"""How many losses are looked at together: each look waits for the device."""


class EpochReports(pl.Callback):
    """Reports what was logged in an epoch, after each that was validated, or after each if there is no validation.

    Attributes:
        is_stopped: Whether the trial was stopped in answer to a report. Then the training ends with this epoch.
    """

    def __init__(self) -> None:
        self.is_stopped = False
        self._is_validated = False
        self._known: dict[str, Tensor] = {}

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._is_validated = not trainer.sanity_checking

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.is_stopped:  # Asked to stop, Lightning goes on up to `min_epochs`.
            raise TrialStopped

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.enable_validation and not self._is_validated:
            return
        self._is_validated = False
        logged = dict(trainer.callback_metrics)
        # What was not logged again is still the same object.
        new = {name: value for name, value in logged.items() if value is not self._known.get(name)}
        self._known = logged
        self.is_stopped = trainer.strategy.broadcast(_is_stopped_by(finite_numbers(new)))
        trainer.should_stop = trainer.should_stop or self.is_stopped


class Alarm(pl.Callback):
    """Ends a training with an error when a loss is no finite number, or a loader gives nothing.

    Attributes:
        validations: How many there have been.
    """

    def __init__(self) -> None:
        self.validations = 0
        self._losses: list[Tensor] = []
        self._places: list[str] = []
        self._steps = 0
        self._batches = 0
        self._validation_batches = 0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._batches = 0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        place = f"step {self._steps} (epoch {trainer.current_epoch}, batch {batch_idx}; all from 0)"
        self._batches += 1
        self._steps += 1
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if isinstance(loss, Tensor) and loss.numel() == 1:
            self._losses.append(loss.detach().reshape(()))
            self._places.append(place)
        if len(self._losses) == _LOSSES:
            self._check_losses()

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._validation_batches = 0
        self._check_losses()

    def on_validation_batch_end(self, *_: Any) -> None:
        self._validation_batches += 1

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._validation_batches == 0:
            raise _exhausted("validation", trainer)
        self.validations += not trainer.sanity_checking

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._check_losses()
        if self._batches == 0:
            raise _exhausted("training", trainer)

    def _check_losses(self) -> None:
        values = torch.stack(self._losses).tolist() if self._losses else []
        for place, value in zip(self._places, values, strict=True):
            if not math.isfinite(value):
                raise MetricError(
                    f"the training loss is {value} at {place}, so the training was ended; a smaller learning rate, "
                    "gradient_clip_val=1.0 or clean inputs may help"
                )
        self._losses, self._places = [], []


def finite_numbers(logged: Mapping[str, Tensor]) -> dict[str, float]:
    """The values that can be recorded."""
    numbers = {name: float(value) for name, value in logged.items() if value.numel() == 1}
    return {name: number for name, number in numbers.items() if math.isfinite(number)}


def why_not_logged(trainer: pl.Trainer) -> str:
    """What a metric may be missing for, and what to do."""
    if trainer.global_step == 0:
        return "it had no step: the training loader is empty, or a limit of the Trainer's says so"
    if not trainer.enable_validation:
        if trainer.limit_val_batches == 0:
            return "there was no validation: limit_val_batches is 0"
        return (
            "there was no validation: give val_dataloaders, or the datamodule a val_dataloader, and the module a "
            "validation_step"
        )
    callbacks: list[pl.Callback] = vars(trainer)["callbacks"]
    if not any(alarm.validations for alarm in callbacks if isinstance(alarm, Alarm)):
        return (
            f"it ended after {trainer.global_step} steps, before the first validation: see max_steps, max_time, "
            "val_check_interval and check_val_every_n_epoch"
        )
    return "log it by self.log(...) in validation_step, or name another metric"


def _is_stopped_by(report: Mapping[str, float]) -> bool:
    if current_reporting() is None or not report:
        return False
    try:
        report_intermediate(report)
    except TrialStopped:
        return True
    return False


def _exhausted(which: str, trainer: pl.Trainer) -> MetricError:
    return MetricError(
        f"the {which} loader gave no batch in epoch {trainer.current_epoch} (from 0): it is empty, or can be gone "
        "through only once; give a DataLoader over a dataset, or a function that makes the loader"
    )
