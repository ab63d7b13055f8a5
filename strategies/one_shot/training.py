"""Training a supernet: with a checkpoint after each epoch, from which it goes on."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.utilities import rank_zero_only

from retiarii.errors import ExperimentError, MetricError
from retiarii.evaluator import Trainable
from retiarii.one_shot import Session
from retiarii.strategies.one_shot.loaders import RunData
from retiarii.strategies.one_shot.module import SupernetModule
from retiarii.strategies.one_shot.plateaus import Plateaus
from retiarii.strategies.one_shot.seeding import EpochSeeds, generators_of

if TYPE_CHECKING:
    from retiarii.strategies.one_shot.strategy import SupernetStrategy

_NOTE = "supernet.json"
_CHECKPOINT = "last.ckpt"


def train(
    strategy: SupernetStrategy, module: SupernetModule, evaluator: Trainable, session: Session, data: RunData
) -> Path:
    """Trains a supernet, or goes on after the last epoch that is complete, or loads what is finished.

    Returns:
        The checkpoint with the weights.

    Raises:
        ExperimentError: the folder holds a supernet of another method or of other choices, or training was stopped.
    """
    folder = session.supernet
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint, note = folder / _CHECKPOINT, Note(folder / _NOTE)
    note.agree(_made(strategy, module))
    first = _next_epoch(checkpoint, module) if checkpoint.exists() else 0
    given = data.given
    loaders = [given.get("train_dataloaders"), given.get("val_dataloaders")]
    progress = Progress(session, evaluator)
    callbacks = [EpochSeeds(session.seed, first, generators_of(loaders)), Plateaus(), progress, Keeper(folder)]
    with evaluator.quiet():
        trainer = evaluator.trainer(callbacks=callbacks, enable_checkpointing=True)
        limits = [trainer.max_epochs, trainer.max_steps]
        if note.is_finished(limits):
            module.load_state_dict(_read(checkpoint)["state_dict"])
            return checkpoint
        module.adopt(trainer)
        session.watch(first, trainer.max_epochs or 0, "")
        resumed = checkpoint if checkpoint.exists() else None
        trainer.fit(
            module, **strategy.data(module.task, given), ckpt_path=resumed, weights_only=True if resumed else None
        )
    module.zero_grad(set_to_none=True)
    note.finish(limits)
    return checkpoint


def _made(strategy: SupernetStrategy, module: SupernetModule) -> dict[str, Any]:
    """What a checkpoint is good for."""
    settings = {name: repr(value) for name, value in vars(strategy).items() if " at 0x" not in repr(value)}
    choices = [repr(choice) for choice in module.supernet.domain.choices.values()]
    return {"method": type(strategy).__name__, "settings": settings, "choices": choices}


def _next_epoch(checkpoint: Path, module: SupernetModule) -> int:
    """The epoch that a checkpoint goes on with.

    Raises:
        ExperimentError: it can't be read, or is of a supernet with other weights.
    """
    content = _read(checkpoint)
    there = {name: tuple(value.shape) for name, value in content["state_dict"].items()}
    here = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    different = sorted(name for name in there.keys() | here.keys() if there.get(name) != here.get(name))
    if different:
        name = different[0]
        raise ExperimentError(
            f"the supernet in {checkpoint.parent} has other weights: {name!r} is of shape {there.get(name)} there and "
            f"{here.get(name)} now; give the experiment another name, or remove that folder to train anew"
        )
    return int(content["epoch"]) + 1


class Progress(pl.Callback):
    """Tells the experiment after each epoch how far the training is, and what the architecture weights are."""

    def __init__(self, session: Session, evaluator: Trainable) -> None:
        self._session = session
        self._evaluator = evaluator
        self._is_validated = False

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._is_validated = not trainer.sanity_checking

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._is_validated:
            self._check_metrics(trainer)
        if not isinstance(pl_module, SupernetModule):
            return
        pl_module.finish_epoch()
        if not trainer.is_global_zero:
            return
        weights = pl_module.architecture_weights()
        if weights:
            self._session.record(trainer.current_epoch, weights)
        shown = [f"{name} {float(value):.4g}" for name, value in trainer.callback_metrics.items()]
        self._session.watch(trainer.current_epoch + 1, trainer.max_epochs or 0, ", ".join(shown))

    def _check_metrics(self, trainer: pl.Trainer) -> None:
        """Misses now what is missing, and not when all is trained; paths of a supernet may have no finite metric."""
        logged = trainer.callback_metrics
        if self._evaluator.objectives.keys() - logged.keys():
            self._evaluator.metrics(trainer)
        missing = [name for name in self._session.measured if name not in logged]
        if missing:
            raise MetricError(
                f"the objective {missing[0]!r} was not logged; the task has logged {', '.join(map(repr, logged))}: "
                "log it in validation_step, or give Experiment(objectives=...) another one"
            )


class Keeper(ModelCheckpoint):
    """Keeps what the last complete epoch left, and sees once that it can be read back."""

    state_key = "retiarii supernet"

    def __init__(self, folder: Path) -> None:
        super().__init__(
            dirpath=folder,
            filename=Path(_CHECKPOINT).stem,
            every_n_epochs=1,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )
        self._path = folder / _CHECKPOINT
        self._is_tried = False

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        super().on_train_epoch_end(trainer, pl_module)
        if self._is_tried or not trainer.is_global_zero or not self._path.exists():
            return
        self._is_tried = True
        try:
            torch.load(self._path, map_location="cpu", weights_only=True)
        except UnpicklingError as error:
            self._path.unlink()
            raise ExperimentError(
                "the supernet's training could not go on after a break: its checkpoint would hold what is no plain "
                f"data ({_cause(error)}); look at the state of callbacks, on_save_checkpoint and save_hyperparameters"
            ) from error


class Note:
    """The file beside a checkpoint that says what it is good for, and whether it is finished."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content: dict[str, Any] = {}

    def agree(self, made: dict[str, Any]) -> None:
        """See that the supernet in the folder, if there is one, was made as this one is.

        Raises:
            ExperimentError: it was not, or the file can't be read.
        """
        self._content = self._known()
        if not self._content:
            self._content = made
            self._write()
        for key, value in made.items():
            if self._content.get(key) != value:
                raise ExperimentError(
                    f"the supernet in {self._path.parent} was trained with the {key} {self._content.get(key)}, and now "
                    f"has {value}: give the experiment another name, or remove that folder to train anew"
                )

    def is_finished(self, limits: list[Any]) -> bool:
        """Whether training has come to an end with these numbers of epochs and steps.

        Raises:
            ExperimentError: it has, with others: what was scored with these weights would not compare with what comes.
        """
        finished = self._content.get("finished")
        if finished is not None and finished != limits:
            raise ExperimentError(
                f"the supernet in {self._path.parent} was trained with [max_epochs, max_steps] = {finished}, and now "
                f"they are {limits}; scores of both do not compare: give the experiment another name to train longer"
            )
        return finished is not None

    def finish(self, limits: list[Any]) -> None:
        """Note that it has."""
        self._content["finished"] = limits
        self._write()

    def _known(self) -> dict[str, Any]:
        if not self._path.exists():
            return {}
        try:
            known = json.loads(self._path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ExperimentError(f"{self._path} can't be read ({error}): give the experiment another name") from error
        if not isinstance(known, dict):
            raise ExperimentError(f"{self._path} holds {type(known).__name__}: give the experiment another name")
        return known

    @rank_zero_only
    def _write(self) -> None:
        beside = self._path.with_suffix(".tmp")
        beside.write_text(json.dumps(self._content, indent=1), encoding="utf-8")
        os.replace(beside, self._path)


def _read(checkpoint: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ExperimentError(
            f"the supernet's checkpoint {checkpoint} can't be read ({type(error).__name__}): remove it to train anew"
        ) from error
    return content


def _cause(error: Exception) -> str:
    """What torch did not want to load, out of its long message."""
    found = re.search(r"GLOBAL (\S+)", str(error))
    return found.group(1) if found else type(error).__name__
