"""A task with inputs and targets: what classification and regression log, and how they are trained."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeAlias

import pytorch_lightning as pl
from torch import Tensor, nn, optim
from torchmetrics import Metric

from retiarii.errors import ExperimentError
from retiarii.evaluators.named import looked_up
from retiarii.evaluators.takers import Taker

Criterion: TypeAlias = Callable[..., Any] | str
"""A loss of outputs and targets: the class of a module that is made without arguments, its name in `torch.nn`, a
module, or a function."""

MakeOptimizer: TypeAlias = Callable[..., optim.Optimizer] | str
"""Makes an optimizer of parameters, `lr` and `weight_decay`; the classes of `torch.optim` do, and have names."""

SEVERAL_LOADERS = (
    "there are several loaders at once: give one, over a torch.utils.data.ConcatDataset say, or train by "
    "Lightning(...) with a LightningModule of your own"
)


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
        self.criterion = made_criterion(criterion)
        self.optimizer = looked_up("optimizer", optimizer)
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

    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        if dataloader_idx > 0:
            raise ExperimentError(SEVERAL_LOADERS)
        outputs, targets, loss = self._step(batch)
        self.log("val_loss", loss, prog_bar=True, sync_dist=True, batch_size=len(targets))
        self._log_metric("val", outputs, targets)

    def configure_optimizers(self) -> optim.Optimizer:
        parameters = [parameter for parameter in self.parameters() if parameter.requires_grad]
        if not parameters:
            raise ExperimentError(f"there is nothing to train: {type(self.model).__name__} has no trainable parameters")
        decay = {"weight_decay": self.weight_decay}
        if self.weight_decay == 0.0:  # which some don't take
            decay = Taker.of(self.optimizer).part(decay)
        made: optim.Optimizer = self.optimizer(parameters, lr=self.learning_rate, **decay)
        return made

    @abstractmethod
    def check(self, outputs: Any, targets: Tensor) -> None:
        """Sees that the outputs are of a shape that belongs to such targets."""

    def compared(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The targets as the metric takes them."""
        return targets

    def _step(self, batch: Any) -> tuple[Tensor, Tensor, Tensor]:
        inputs, targets = _pair(batch)
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
        self.metric.update(outputs, self.compared(outputs, targets))
        self.log(f"{split}_{self.METRIC}", self.metric, on_step=False, on_epoch=True, batch_size=len(targets))


def _pair(batch: Any) -> tuple[Any, Tensor]:
    match batch:
        case [inputs, Tensor() as targets]:
            return inputs, targets
        case _:
            raise ExperimentError(
                f"a batch has to be a pair of inputs and a tensor of targets, and is {described(batch)}; other batches "
                "take Lightning(...) with a LightningModule of your own"
            )


def made_criterion(criterion: Criterion) -> Any:
    """A loss that nobody else has."""
    found = looked_up("criterion", criterion)
    return found() if isinstance(found, type) else copy.deepcopy(found)


def described(value: Any) -> str:
    """What somebody gave: shape and type of a tensor, the class of anything else and what is in it."""
    if isinstance(value, Tensor):
        return f"{tuple(value.shape)} {value.dtype}"
    kind = type(value).__name__
    known = f"{'an' if kind[0] in 'AEIOUaeiou' else 'a'} {kind}"
    if isinstance(value, Mapping):
        return f"{known} of {', '.join(map(repr, value))}"
    if isinstance(value, list | tuple):
        return f"{known} of {', '.join([type(item).__name__ for item in value])}"
    return known
