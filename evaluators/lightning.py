"""Evaluation of models by training them with Lightning."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint, ModelCheckpoint, ProgressBar
from pytorch_lightning.strategies.launchers import _SubprocessScriptLauncher

from retiarii.errors import ExperimentError, MetricError
from retiarii.evaluator import Trainable, TrialStopped, current_reporting
from retiarii.evaluators.beginnings import Beginnings, untied
from retiarii.evaluators.directions import objectives_of
from retiarii.evaluators.loaders import check_data, loaders_in, makes_data
from retiarii.evaluators.quiet import SigtermLeftAlone, quietly, settings_kept
from retiarii.evaluators.takers import Taker, check_arguments
from retiarii.evaluators.undecided import WithArguments, refuse_undecided
from retiarii.evaluators.watching import Alarm, EpochReports, finite_numbers, why_not_logged
from retiarii.trial import Direction, Objectives

_TRAINER = Taker("Trainer", frozenset(inspect.signature(pl.Trainer).parameters))
_DEFAULTS = {"devices": 1, "logger": False, "enable_model_summary": False, "num_sanity_val_steps": 0}


class Lightning(WithArguments, Trainable):
    """Trains each model with a `LightningModule` of the user's, and returns what that has logged.

    The module is an ordinary one that gets the model as its first argument::

        Lightning(Task, metric="val_acc", max_epochs=10, smoothing=0.1, train_dataloaders=train, val_dataloaders=val)

    Each epoch is reported when it has been validated, so that a stopper can end the training. The metrics of a trial
    are those of its last epoch. A kept checkpoint is `trial.files["checkpoint"]`: ask for the best one by
    `enable_checkpointing=True`, or for any by a `ModelCheckpoint` among the callbacks. In an experiment files lie in
    the trial's folder, unless `default_root_dir` or a callback says otherwise; without such wishes nothing is written.

    Whatever was trained before, each training begins alike: generators of loaders, loggers, and callbacks with a
    `state_dict` are set back to where they stood when the evaluator was made. A training whose loss is no finite number
    is ended with an error. Unless told otherwise it uses one device.

    Args:
        module: The class of a `LightningModule`, or a function that makes one. Its first argument is the model.
        metric: The logged metric to optimise, as a name that says its direction ("val_acc", "val_loss"), or a mapping
            of names to "maximize" or "minimize", the primary one first.
        train_dataloaders: Whatever `Trainer.fit` takes, or a function that makes it.
        val_dataloaders: Likewise.
        datamodule: In place of loaders, a datamodule or what makes one, such as its class.
        arguments: By name, for everybody who takes them: `pytorch_lightning.Trainer`, the module, and functions that
            make loaders. They may be left open.

    Raises:
        ExperimentError: an argument is unusable or missing, or nobody takes it.
    """

    def __init__(
        self,
        module: Callable[..., pl.LightningModule],
        /,
        *,
        metric: str | Mapping[str, Direction],
        train_dataloaders: Any = None,
        val_dataloaders: Any = None,
        datamodule: Any = None,
        **arguments: Any,
    ) -> None:
        if not callable(module) or isinstance(module, pl.LightningModule):
            raise ExperimentError(
                f"Lightning got a {type(module).__name__} as its module; give the class of a LightningModule, or a "
                "function that makes one, with the model as first argument"
            )
        check_data(train_dataloaders, val_dataloaders, datamodule, may_lack=_may_load(module))
        self.module = module
        self.objectives = objectives_of(metric)
        self.train_dataloaders = train_dataloaders
        self.val_dataloaders = val_dataloaders
        self.datamodule = datamodule
        self.arguments = arguments
        self._beginnings = Beginnings(
            [train_dataloaders, val_dataloaders, datamodule],
            [*loaders_in(arguments.get("callbacks")), *loaders_in(arguments.get("logger"))],
        )
        check_arguments(arguments, self._takers())

    def evaluate(self, model: Any) -> Mapping[str, float]:
        """Trains a model, in place, also outside an experiment.

        Raises:
            MetricError: an objective was not logged, or a loss is no finite number.
            TrialStopped: the trial was stopped in answer to the report of an epoch.
        """
        refuse_undecided(self.arguments)
        reports = EpochReports()
        task = self.task(model)
        with self.quiet(), settings_kept():
            trainer = self.trainer(callbacks=[*self._best_checkpoint(), reports, SigtermLeftAlone()])
            _refuse_to_restart(trainer)
            with untied([*loaders_in(self.arguments.get("callbacks")), *loaders_in(self.datamodule)]):
                trainer.fit(task, **self.data())
        _keep_checkpoints(trainer)
        if reports.is_stopped:
            raise TrialStopped
        metrics = self.metrics(trainer)
        self.keep(task, trainer)
        return metrics

    def task(self, model: Any) -> pl.LightningModule:
        taker, *others = self._takers()
        with self.quiet():
            task = self.module(model, **taker.part(self.arguments, others))
        if not isinstance(task, pl.LightningModule):
            raise ExperimentError(
                f"{taker.name} made {type(task).__name__}, which is no pytorch_lightning.LightningModule (that of the "
                "package `lightning` is another class)"
            )
        return task

    def trainer(self, *, callbacks: Sequence[pl.Callback] = (), anew: bool = True, **settings: Any) -> pl.Trainer:
        if anew:
            self._beginnings.restore_companions()
        arguments = {**_DEFAULTS, **_files_settings(), **_TRAINER.part(self.arguments), **settings}
        joined = [Alarm(), *loaders_in(arguments.pop("callbacks", None)), *callbacks]
        enabled = {
            "enable_checkpointing": any(isinstance(callback, Checkpoint) for callback in joined),
            "enable_progress_bar": any(isinstance(callback, ProgressBar) for callback in joined),
        }
        return pl.Trainer(callbacks=joined, **{**enabled, **arguments})

    def data(self) -> Mapping[str, Any]:
        self._beginnings.restore_generators()
        if self.datamodule is not None:
            return {"datamodule": self._made(self.datamodule)}
        return {
            "train_dataloaders": self._made(self.train_dataloaders),
            "val_dataloaders": self._made(self.val_dataloaders),
        }

    def quiet(self) -> AbstractContextManager[None]:
        return quietly()

    def metrics(self, trainer: pl.Trainer) -> dict[str, float]:
        logged, objectives = trainer.callback_metrics, self._wanted()
        for name in objectives:
            if name not in logged:
                names = ", ".join(map(repr, sorted(logged))) or "nothing"
                raise MetricError(
                    f"the training has logged no {name!r}; it has logged {names}; {why_not_logged(trainer)}"
                )
            if not logged[name].isfinite().all():
                raise MetricError(f"the metric {name!r} is {logged[name].tolist()}; expected a finite number")
        return finite_numbers({**{name: logged[name] for name in objectives}, **logged})

    def keep(self, task: pl.LightningModule, trainer: pl.Trainer) -> None:
        """Keeps what is wanted of a training beside checkpoints; here nothing."""

    def __repr__(self) -> str:
        name = getattr(self.module, "__qualname__", repr(self.module))
        return f"{type(self).__name__}({name if type(self) is Lightning else ''})"

    def _best_checkpoint(self) -> list[pl.Callback]:
        """One that keeps the best epoch, where the user wants checkpoints and does not say which."""
        given = loaders_in(self.arguments.get("callbacks"))
        if not self.arguments.get("enable_checkpointing") or any(isinstance(known, Checkpoint) for known in given):
            return []
        name, direction = next(iter(self._wanted().items()))
        return [ModelCheckpoint(monitor=name, mode="max" if direction == "maximize" else "min")]

    def _wanted(self) -> Objectives:
        """The objectives of the experiment that runs here, if one does."""
        reporting = current_reporting()
        return (reporting.objectives if reporting is not None else None) or self.objectives

    def _made(self, value: Any) -> Any:
        return value(**Taker.of(value).part(self.arguments)) if makes_data(value) else value

    def _takers(self) -> list[Taker]:
        task = Taker.of(self.module, given=1)
        task = task if type(self) is Lightning else replace(task, name=type(self).__name__)
        makers = [self.train_dataloaders, self.val_dataloaders, self.datamodule]
        return [task, _TRAINER, *[Taker.of(maker) for maker in makers if makes_data(maker)]]


def _may_load(module: Callable[..., pl.LightningModule]) -> bool:
    """Whether it may have a training loader of its own; what a function makes can't be seen."""
    default = pl.LightningModule.train_dataloader
    return not isinstance(module, type) or getattr(module, "train_dataloader", default) is not default


def _keep_checkpoints(trainer: pl.Trainer) -> None:
    """Names on the trial what the callbacks have kept: the best of each, or the last where none is the best."""
    reporting = current_reporting()
    if reporting is None:
        return
    found = [
        getattr(callback, "best_model_path", "") or getattr(callback, "last_model_path", "")
        for callback in trainer.checkpoint_callbacks
    ]
    for number, path in enumerate(filter(None, found), 1):
        name = "checkpoint" if number == 1 else f"checkpoint_{number}"
        reporting.files[name] = path if "://" in path else os.path.abspath(path)


def _refuse_to_restart(trainer: pl.Trainer) -> None:
    if current_reporting() is not None and isinstance(trainer.strategy.launcher, _SubprocessScriptLauncher):
        raise ExperimentError(
            f"with devices={trainer.num_devices} Lightning would start the whole program again for each device, and so "
            "the search; give strategy='ddp_spawn', which starts processes for each trial, or devices=1"
        )


def own_folder() -> Path | None:
    """The folder of the trial that runs here, if one does."""
    reporting = current_reporting()
    return None if reporting is None else reporting.folder


def _files_settings() -> dict[str, Any]:
    folder = own_folder()
    return {} if folder is None else {"default_root_dir": str(folder)}
