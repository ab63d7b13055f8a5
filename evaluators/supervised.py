"""Evaluation by training with inputs and targets: what classification and regression have in common."""

from __future__ import annotations

from numbers import Real
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from retiarii.domain import Expression
from retiarii.errors import ExperimentError
from retiarii.evaluator import current_reporting
from retiarii.evaluators.lightning import Lightning, own_folder
from retiarii.evaluators.loaders import loaders_in
from retiarii.evaluators.named import check_named
from retiarii.evaluators.onnx_export import check_onnx, export_onnx
from retiarii.evaluators.supervised_task import SEVERAL_LOADERS, SupervisedTask
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
        for name in ("criterion", "optimizer"):
            check_named(name, arguments[name])
        for name in ("learning_rate", "weight_decay"):
            if not isinstance(arguments[name], Real | Expression):
                raise ExperimentError(f"{name} is {arguments[name]!r}; give a number")
        check_onnx(export_onnx)
        if any(len(loaders_in(given)) > 1 for given in (arguments["train_dataloaders"], val_dataloaders)):
            raise ExperimentError(SEVERAL_LOADERS)
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
            reporting.files["onnx"] = str(path.absolute())
