"""Training whose temperature follows from the epoch."""

from __future__ import annotations

import math

import pytorch_lightning as pl

from retiarii.errors import ExperimentError
from retiarii.strategies.one_shot.alternating import AlternatingModule, Turns
from retiarii.strategies.one_shot.supernet import Supernet
from retiarii.strategies.one_shot.temperature import Temperature


class TemperedModule(AlternatingModule):
    """A module with a temperature.

    Args:
        task: The user's module, whose model is the supernet's space.
        supernet: The supernet.
        turns: How the architecture is trained.
        schedule: The temperature for each epoch.
    """

    def __init__(self, task: pl.LightningModule, supernet: Supernet, turns: Turns, schedule: Temperature) -> None:
        super().__init__(task, supernet, turns)
        self._schedule = schedule

    @property
    def temperature(self) -> float:
        """That of this epoch.

        Raises:
            ExperimentError: it is no finite number above 0.
        """
        value = float(self._schedule(self.current_epoch, _epochs(self.trainer)))
        if not 0 < value < math.inf:
            raise ExperimentError(
                f"the temperature in epoch {self.current_epoch} is {value}, by {self._schedule!r}: it must stay above 0"
            )
        return value


def _epochs(trainer: pl.Trainer) -> int:
    """The number of epochs, from `max_epochs` or `max_steps`.

    Raises:
        ExperimentError: training has no end.
    """
    if trainer.max_epochs is not None and trainer.max_epochs > 0:
        return trainer.max_epochs
    if trainer.max_steps > 0:
        return math.ceil(trainer.max_steps / trainer.num_training_batches)
    raise ExperimentError("the temperature falls until the last epoch, and there is none: give max_epochs or max_steps")
