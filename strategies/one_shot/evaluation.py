"""Scoring architectures with the weights of a trained supernet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytorch_lightning.loggers.logger import DummyLogger

from retiarii.domain import Sample
from retiarii.evaluator import Evaluator, Metrics, Trainable
from retiarii.strategies.one_shot.loaders import RunData
from retiarii.strategies.one_shot.module import SupernetModule
from retiarii.strategies.one_shot.recalibration import Recalibration, statistics_kept
from retiarii.strategies.one_shot.seeding import seed_everything


@dataclass(frozen=True, slots=True)
class _Trained:
    """What architectures are scored with. An experiment looks for open choices in a module, but not in here."""

    module: SupernetModule
    evaluator: Trainable
    data: RunData
    seed: int


class SharedWeights(Evaluator):
    """Scores a sample by the validation of its model in a supernet, without training.

    Batch norms get the statistics of the model at hand, from batches of the training data: those that the supernet has
    seen are of many models. (Guo et al., "Single Path One-Shot Neural Architecture Search", ECCV 2020, section 3.)
    Nothing is written to the user's loggers.

    Args:
        module: The trained supernet with its task.
        evaluator: Tells trainer and metrics.
        data: Those of the training.
        seed: Decides what is random about the batches, so that all samples see the same ones.
    """

    argument = "sample"

    def __init__(self, module: SupernetModule, evaluator: Trainable, data: RunData, seed: int = 0) -> None:
        self.objectives = evaluator.objectives
        self._trained = _Trained(module, evaluator, data, seed)
        if "train_dataloaders" in data.given:
            # A task may ask the trainer how long the training is.
            vars(module)["train_dataloader"] = data.train_dataloader

    @property
    def module(self) -> SupernetModule:
        """The trained supernet with its task."""
        return self._trained.module

    def searchable(self) -> Mapping[str, Any]:
        """Nothing is open here."""
        return {}

    def evaluate(self, sample: Sample) -> Metrics:
        module, evaluator, data = self._trained.module, self._trained.evaluator, self._trained.data
        seed_everything(self._trained.seed)
        recalibration = Recalibration(sample, data, self._trained.seed)
        with evaluator.quiet(), module.supernet.following(sample), statistics_kept(module):
            trainer = evaluator.trainer(
                callbacks=[recalibration],
                anew=False,
                logger=DummyLogger(),
                devices=1,
                num_nodes=1,
                strategy="auto",
            )
            trainer.validate(module, verbose=False, **data.validation())
            return evaluator.metrics(trainer)
