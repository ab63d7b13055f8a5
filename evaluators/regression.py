"""Training of models that give numbers."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn, optim
from torchmetrics.regression import MeanSquaredError

from retiarii.errors import MetricError
from retiarii.evaluators.supervised import Supervised
from retiarii.evaluators.supervised_task import Criterion, MakeOptimizer, SupervisedTask, described


class RegressionTask(SupervisedTask):
    """Training of a model whose outputs are of the shape of the targets. Logs `val_mse`."""

    METRIC = "mse"

    def __init__(
        self,
        model: nn.Module,
        *,
        criterion: Criterion,
        optimizer: MakeOptimizer,
        learning_rate: float,
        weight_decay: float,
    ) -> None:
        super().__init__(
            model,
            MeanSquaredError(),
            criterion=criterion,
            optimizer=optimizer,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
        )

    def check(self, outputs: Any, targets: Tensor) -> None:
        if not isinstance(outputs, Tensor) or outputs.shape != targets.shape:
            raise MetricError(
                f"the model gave {described(outputs)}, and the targets are {described(targets)}; both have to be of "
                "one shape: y[:, None] makes (examples,) to (examples, 1)"
            )


class Regression(Supervised):
    """Trains a model and returns `val_mse`, to be minimised, `val_loss` and `train_loss` of the last epoch.

    The outputs are of the shape of the targets. Without validation the objective is `train_mse`. Numbers and
    names may be left open.

    Args:
        criterion: A loss of outputs and targets: a class, its name in `torch.nn`, a module, or a function.
        learning_rate: Of the optimizer.
        weight_decay: Of the optimizer.
        optimizer: A class, its name in `torch.optim`, or a function of parameters, `lr` and `weight_decay`.
        train_dataloaders: As `Lightning` takes them.
        val_dataloaders: As `Lightning` takes them.
        datamodule: In place of loaders.
        export_onnx: Whether the trained model is kept as `model.onnx`; see `Classification`.
        trainer_arguments: For `pytorch_lightning.Trainer`, and for functions that make loaders.

    Raises:
        ExperimentError: an argument is unusable or missing; it says which.
    """

    def __init__(
        self,
        criterion: Criterion = nn.MSELoss,
        *,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        optimizer: MakeOptimizer = optim.Adam,
        train_dataloaders: Any = None,
        val_dataloaders: Any = None,
        datamodule: Any = None,
        export_onnx: bool = False,
        **trainer_arguments: Any,
    ) -> None:
        super().__init__(
            RegressionTask,
            "minimize",
            train_dataloaders=train_dataloaders,
            val_dataloaders=val_dataloaders,
            datamodule=datamodule,
            criterion=criterion,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            optimizer=optimizer,
            export_onnx=export_onnx,
            **trainer_arguments,
        )
