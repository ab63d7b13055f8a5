"""Learning rates that fall when a metric no longer does, in a training that goes on from a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.utilities.types import LRSchedulerConfig

_KEY = "monitored"


class Plateaus(pl.Callback):
    """Has schedulers see the metrics of the epoch that a checkpoint was made after.

    Lightning makes it before they do, and what they see is not in it.
    """

    def __init__(self) -> None:
        self._monitored: dict[str, Any] = {}

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        monitored = [str(config.monitor) for config in _due(trainer, checkpoint["epoch"])]
        logged = trainer.callback_metrics
        checkpoint[_KEY] = {name: logged[name].detach().cpu() for name in monitored if name in logged}

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._monitored = checkpoint[_KEY]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not self._monitored:
            return
        for config in _due(trainer, trainer.current_epoch - 1):
            if config.monitor in self._monitored:
                pl_module.lr_scheduler_step(config.scheduler, self._monitored[str(config.monitor)])
        self._monitored = {}


def _due(trainer: pl.Trainer, epoch: int) -> Iterator[LRSchedulerConfig]:
    """Those that see a metric after an epoch."""
    for config in trainer.lr_scheduler_configs:
        if config.reduce_on_plateau and config.interval == "epoch" and (epoch + 1) % config.frequency == 0:
            yield config
