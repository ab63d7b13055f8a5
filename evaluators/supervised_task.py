"""A task with inputs and targets: what classification and regression log, and how they are trained."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

import pytorch_lightning as pl
from torch import Tensor, nn, optim
from torchmetrics import Metric

from retiarii.errors import ExperimentError

Criterion: TypeAlias = Callable[..., Any]
"""A loss of outputs and targets: the class of a module that is made without arguments, a module, or a function."""

MakeOptimizer: TypeAlias = Callable[..., optim.Optimizer]
"""Makes an optimizer of parameters, `lr` and `weight_decay`; the classes of `torch.optim` do."""


class SupervisedTask(pl.LightningModule, ABC):
    """A task whose batches are pairs of inputs and targets.

    It logs, epoch by epoch, `train_loss`, `val_loss`, and a metric of validation, or of training where there is none.

    Attributes:
        METRIC: The name of the metric after `val_` or `train_`.
        model: Takes the inputs.
        metric: Takes outputs and targets.
        example: Inputs of one example, once it has been trained with any.
    """

    METRIC: ClassVar[str]

    def __init__(
        self,
        model: nn.Module,
        metric: Metric,
        *,
        criterion: Criterion,
        optimizer: MakeOptimizer,
        learning_rate: float,
        weight_decay: float,
    ) -> None:
        super().__init__()
        self.model = model
        self.metric = metric
        self.criterion = criterion() if isinstance(criterion, type) else copy.deepcopy(criterion)
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.example: Any = None

    def forward(self, inputs: Any) -> Any:
        return self.model(inputs)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        outputs, targets, loss = self._step(batch)
        self.log(
            "train_loss", loss, on_step=False, on_epoch=True, prog_bar=True, sync_dist=True, batch_size=len(targets)
        )
        if not self.trainer.enable_validation:
            self._log_metric("train", outputs, targets)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        outputs, targets, loss = self._step(batch)
        self.log("val_loss", loss, prog_bar=True, sync_dist=True, batch_size=len(targets))
        self._log_metric("val", outputs, targets)

    def configure_optimizers(self) -> optim.Optimizer:
        parameters = [parameter for parameter in self.parameters() if parameter.requires_grad]
        if not parameters:
            raise ExperimentError(f"there is nothing to train: {type(self.model).__name__} has no trainable parameters")
        return self.optimizer(parameters, lr=self.learning_rate, weight_decay=self.weight_decay)

    @abstractmethod
    def check(self, outputs: Any, targets: Tensor) -> None:
        """Sees that the outputs are of a shape that belongs to such targets."""

    def _step(self, batch: Any) -> tuple[Tensor, Tensor, Tensor]:
        try:
            inputs, targets = batch
        except (TypeError, ValueError) as error:
            error.add_note(f"a batch has to be a pair of inputs and targets, and is of {type(batch).__name__}")
            raise
        if self.example is None and isinstance(inputs, Tensor):
            self.example = inputs[:1].detach().cpu()
        outputs = self.model(inputs)
        self.check(outputs, targets)
        try:
            return outputs, targets, self.criterion(outputs, targets)
        except Exception as error:
            error.add_note(f"the model gave {described(outputs)}; the targets are {described(targets)}")
            raise

    def _log_metric(self, split: str, outputs: Tensor, targets: Tensor) -> None:
        self.metric.update(outputs, targets)
        self.log(f"{split}_{self.METRIC}", self.metric, on_step=False, on_epoch=True, batch_size=len(targets))


def described(value: Any) -> str:
    """What a model gave or should give: shape and type of a tensor, the class of anything else."""
    return f"{tuple(value.shape)} {value.dtype}" if isinstance(value, Tensor) else f"of {type(value).__name__}"
