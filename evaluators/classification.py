"""Training of classifiers."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn, optim
from torchmetrics.classification import MulticlassAccuracy

from retiarii.domain import symbols_in
from retiarii.errors import ExperimentError, MetricError
from retiarii.evaluators.supervised import Supervised
from retiarii.evaluators.supervised_task import Criterion, MakeOptimizer, SupervisedTask, described, made_criterion

_IGNORED = -100
_LEAST, _MOST = 0.5, 1.5
"""What probabilities may sum to: smoothed ones not always to 1."""


class ClassificationTask(SupervisedTask):
    """Training of a model that gives a number for each class. Logs `val_acc`, the share of right answers."""

    METRIC = "acc"

    def __init__(
        self,
        model: nn.Module,
        *,
        num_classes: int,
        criterion: Criterion,
        optimizer: MakeOptimizer,
        learning_rate: float,
        weight_decay: float,
    ) -> None:
        loss = made_criterion(criterion)
        super().__init__(
            model,
            MulticlassAccuracy(num_classes, average="micro", ignore_index=_ignored_target(loss), validate_args=False),
            criterion=loss,
            optimizer=optimizer,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
        )
        self.num_classes = num_classes

    def check(self, outputs: Any, targets: Tensor) -> None:
        if not isinstance(outputs, Tensor) or outputs.shape[1:2] != (self.num_classes,):
            raise MetricError(
                f"the model gave {described(outputs)} for {len(targets)} targets, and num_classes is "
                f"{self.num_classes}; the outputs have to be of shape (examples, {self.num_classes}, ...)"
            )
        if targets.shape not in (outputs.shape, outputs.shape[:1] + outputs.shape[2:]):
            raise MetricError(
                f"the model gave {described(outputs)}, and the targets are {described(targets)}; they have to be the "
                f"numbers of the classes, of shape {tuple(outputs.shape[:1] + outputs.shape[2:])}, or a probability "
                "for each class, of the shape of the outputs"
            )

    def compared(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if targets.shape != outputs.shape:
            return targets
        sums = targets.sum(1)
        if not ((sums > _LEAST) & (sums < _MOST)).all():
            raise MetricError(
                f"the targets for all classes of an example sum to {sums.min().item():.3g} to {sums.max().item():.3g}, "
                "and not to 1: for several classes at once, or none, use Lightning(...) with a LightningModule of your "
                "own"
            )
        return targets.argmax(1)


def _ignored_target(loss: Any) -> int:
    """What a loss leaves out, as a module or a partial function says; by default what those of torch do."""
    number: int = getattr(loss, "ignore_index", getattr(loss, "keywords", {}).get("ignore_index", _IGNORED))
    return number


class Classification(Supervised):
    """Trains a classifier and returns `val_acc`, to be maximised, `val_loss` and `train_loss` of the last epoch.

    The model gives a number for each class, of shape (examples, classes, ...); targets are the numbers of the classes,
    from 0, or a probability for each class, of which the largest is the right one. Targets that the criterion ignores
    (-100, if it does not say) are not counted. Without validation the objective is `train_acc`. Numbers and names may
    be left open.

    Args:
        criterion: A loss of outputs and targets: a class, its name in `torch.nn`, a module, or a function.
        num_classes: How many classes there are.
        learning_rate: Of the optimizer.
        weight_decay: Of the optimizer.
        optimizer: A class, its name in `torch.optim`, or a function of parameters, `lr` and `weight_decay`.
        train_dataloaders: As `Lightning` takes them.
        val_dataloaders: As `Lightning` takes them.
        datamodule: In place of loaders.
        export_onnx: Whether the trained model is kept as `model.onnx`, in the trial's folder; `trial.files["onnx"]` is
            its path. Outside an experiment it is written to `default_root_dir`.
        trainer_arguments: For `pytorch_lightning.Trainer`, and for functions that make loaders.

    Raises:
        ExperimentError: an argument is unusable or missing; it says which.
    """

    def __init__(
        self,
        criterion: Criterion = nn.CrossEntropyLoss,
        *,
        num_classes: int | None = None,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        optimizer: MakeOptimizer = optim.Adam,
        train_dataloaders: Any = None,
        val_dataloaders: Any = None,
        datamodule: Any = None,
        export_onnx: bool = False,
        **trainer_arguments: Any,
    ) -> None:
        is_number = isinstance(num_classes, int) and not isinstance(num_classes, bool) and num_classes > 1
        if not is_number and not symbols_in(num_classes):
            raise ExperimentError(f"num_classes is {num_classes!r}; give the number of classes, as in num_classes=10")
        super().__init__(
            ClassificationTask,
            "maximize",
            train_dataloaders=train_dataloaders,
            val_dataloaders=val_dataloaders,
            datamodule=datamodule,
            criterion=criterion,
            num_classes=num_classes,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            optimizer=optimizer,
            export_onnx=export_onnx,
            **trainer_arguments,
        )
