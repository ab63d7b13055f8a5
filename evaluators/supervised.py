"""Evaluation by training with inputs and targets: what classification and regression have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch import optim

from retiarii.errors import ExperimentError
from retiarii.evaluator import current_reporting
from retiarii.evaluators.lightning import Lightning, own_folder
from retiarii.evaluators.onnx_export import check_onnx, export_onnx
from retiarii.evaluators.supervised_task import SupervisedTask
from retiarii.trial import Direction


class Supervised(Lightning):
    """Trains models by a `SupervisedTask`.

    Args:
        task: The class of the task.
        direction: What is better of its metric.
        val_dataloaders: Without them, and without a datamodule, the objective is the metric of training.
        datamodule: In place of loaders.
        export_onnx: Whether to keep each trained model as ONNX.
        arguments: As `Lightning` takes them.
    """

    def __init__(
        self,
        task: type[SupervisedTask],
        direction: Direction,
        *,
        val_dataloaders: Any,
        datamodule: Any,
        export_onnx: bool,
        **arguments: Any,
    ) -> None:
        _check_criterion(arguments["criterion"])
        _check_optimizer(arguments["optimizer"])
        check_onnx(export_onnx)
        split = "train" if val_dataloaders is None and datamodule is None else "val"
        super().__init__(
            task,
            metric={f"{split}_{task.METRIC}": direction},
            val_dataloaders=val_dataloaders,
            datamodule=datamodule,
            **arguments,
        )
        self.export_onnx = export_onnx

    def keep(self, task: pl.LightningModule, trainer: pl.Trainer) -> None:
        if not self.export_onnx or not isinstance(task, SupervisedTask) or not trainer.is_global_zero:
            return
        if task.example is None:
            raise ExperimentError("export_onnx=True needs inputs that are one tensor; export other models by hand")
        path = export_onnx(task.model, task.example, own_folder() or Path(trainer.default_root_dir))
        reporting = current_reporting()
        if reporting is not None:
            reporting.files["onnx"] = str(path)


def _check_criterion(criterion: Any) -> None:
    if not callable(criterion):
        raise ExperimentError(f"criterion is {criterion!r}; give a loss of outputs and targets: a class or a function")


def _check_optimizer(optimizer: Any) -> None:
    if isinstance(optimizer, optim.Optimizer):
        name = type(optimizer).__name__
        raise ExperimentError(
            f"optimizer is an {name} of parameters that no trial trains; give the class: optimizer=torch.optim.{name}"
        )
    if not callable(optimizer):
        raise ExperimentError(f"optimizer is {optimizer!r}; give a class, as in optimizer=torch.optim.SGD")
