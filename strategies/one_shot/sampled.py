"""Training in which every batch trains the model of one sample."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.trainer.states import TrainerFn

from retiarii.domain import Sample
from retiarii.strategies.one_shot.module import SupernetModule
from retiarii.strategies.one_shot.recalibration import by_batch
from retiarii.strategies.one_shot.supernet import Supernet
from retiarii.strategies.one_shot.support import check_optimizers

TRAINING, VALIDATION, CONTROL, PROPOSALS = range(4)
"""What a sample is drawn for: random numbers differ between them."""
_TOGETHER = 64
"""As many samples are drawn at a time: starting a generator takes longer than drawing a sample."""


class SampledModule(SupernetModule):
    """Trains a supernet one path at a time: which one is settled before a batch begins, so the step is the task's own.

    While it trains, the batches of a validation are of samples, too, so what it logs is about the supernet as a whole.
    Batch norms take the statistics of the batch then, as those that they keep are of many models.

    Args:
        task: The user's module, whose model is the supernet's space.
        supernet: The supernet.
        seed: Of the search.
    """

    def __init__(self, task: pl.LightningModule, supernet: Supernet, seed: int) -> None:
        super().__init__(task, supernet)
        self.seed = seed
        self._validating = ExitStack()
        self._blocks: dict[int, tuple[tuple[int, int] | None, list[Sample]]] = {}

    @abstractmethod
    def draw(self, count: int, rng: np.random.Generator) -> list[Sample]:
        """Samples of the space for batches to come: the same in all processes that train together."""

    def drawn(self, purpose: int, index: int) -> Sample:
        """The sample for a batch of this epoch; the same after a resume.

        Args:
            purpose: `TRAINING` or `VALIDATION`.
            index: Of the batch.
        """
        block, place = divmod(index, _TOGETHER)
        key = self.current_epoch, block
        if self._blocks.get(purpose, (None, []))[0] != key:
            epoch = self.current_epoch if purpose == TRAINING else 0
            self._blocks[purpose] = key, self.draw(_TOGETHER, np.random.default_rng([self.seed, purpose, epoch, block]))
        return self._blocks[purpose][1][place]

    def on_train_start(self) -> None:
        check_optimizers(self.trainer.optimizers, self.supernet.space)
        super().on_train_start()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> int | None:
        self.supernet.follow(self.drawn(TRAINING, batch_idx))
        return super().on_train_batch_start(batch, batch_idx)

    def on_validation_start(self) -> None:
        if self._is_fitting:
            self._validating.enter_context(by_batch(self.task))
        super().on_validation_start()

    def on_validation_end(self) -> None:
        self._validating.close()
        super().on_validation_end()

    def on_validation_batch_start(self, batch: Any, batch_idx: int, *others: Any) -> None:
        if self._is_fitting:
            self.supernet.follow(self.drawn(VALIDATION, batch_idx))
        super().on_validation_batch_start(batch, batch_idx, *others)

    @property
    def _is_fitting(self) -> bool:
        return self.trainer.state.fn == TrainerFn.FITTING
