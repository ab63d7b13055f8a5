"""The data of a user, made once for the training of a supernet and all that comes after, and its batches."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.trainer.states import RunningStage
from pytorch_lightning.utilities import CombinedLoader
from pytorch_lightning.utilities.seed import isolate_rng

from retiarii.errors import ExperimentError
from retiarii.evaluator import Trainable
from retiarii.strategies.one_shot.seeding import derived, generators_of, seed_everything

_MAKING, _PREPARING, _SETUP, _TRAINING, _VALIDATION = range(2, 7)
"""What a seed is for."""


class RunData:
    """The data of one run: architectures are scored with the very data that the supernet is trained with.

    What makes loaders is called once. A data module is copied; the copy is prepared and set up once, for fitting,
    whatever it is used for, and never torn down. All this happens under the seed, so that also a run that only loads
    what is trained has the same data.

    Args:
        evaluator: Has the data.
        seed: Decides what is random about making them.

    Attributes:
        given: What a trainer is called with to train.
    """

    def __init__(self, evaluator: Trainable, seed: int) -> None:
        with isolate_rng():
            seed_everything(seed, _MAKING)
            made = dict(evaluator.data())
        self._seed = seed
        self._once: _Once | None = None
        if made.get("datamodule") is not None:
            self._once = _Once(copy.copy(made["datamodule"]), seed)
            made["datamodule"] = self._once.module
        self.given: Mapping[str, Any] = made

    def validation(self) -> dict[str, Any]:
        """What a trainer is called with to validate, with the loaders of the training.

        Their generators start where they did the last time, so that all architectures see the same batches.
        """
        if self._once is not None:
            self._once.is_scoring = True
            loaders, called = list(self._once.loaders.values()), {"datamodule": self._once.module}
        else:
            loaders, called = list(self.given.values()), {"dataloaders": self.given["val_dataloaders"]}
        for place, generator in enumerate(generators_of(loaders)):
            generator.manual_seed(derived(self._seed, place))
        return called

    def train_dataloader(self) -> Any:
        """What the weights are trained with."""
        return self.given["train_dataloaders"] if self._once is None else self._once.train_dataloader()

    def training_batches(self, trainer: pl.Trainer) -> Iterator[Any]:
        """The batches of an epoch, as a trainer prepares them.

        Raises:
            ExperimentError: there are none.
        """
        loader = self.train_dataloader()
        if loader is None:
            raise ExperimentError("there are no training data to take the statistics of batch norms from")
        combined = loader if isinstance(loader, CombinedLoader) else CombinedLoader(loader, "max_size_cycle")
        for batch, _, _ in combined:
            yield prepared(trainer, batch)


class _Once:
    """Stands for what a data module does, so that it does everything once.

    Attributes:
        module: The data module.
        loaders: Those that it made last, by what they are for.
        is_scoring: Whether the training is over, so that nothing is made anew.
    """

    def __init__(self, module: pl.LightningDataModule, seed: int) -> None:
        self.module = module
        self.loaders: dict[int, Any] = {}
        self.is_scoring = False
        self._seed = seed
        self._done: set[int] = set()
        names = ("prepare_data", "setup", "teardown", "train_dataloader", "val_dataloader")
        vars(module).update({name: getattr(self, name) for name in names})

    def prepare_data(self) -> None:
        if _PREPARING not in self._done:
            self._done.add(_PREPARING)
            type(self.module).prepare_data(self.module)

    def setup(self, stage: str) -> None:
        if _SETUP in self._done:
            return
        self._done.add(_SETUP)
        with isolate_rng():
            seed_everything(self._seed, _SETUP)
            type(self.module).setup(self.module, stage="fit")

    def teardown(self, stage: str) -> None:
        """Nothing: the data are needed up to the last architecture."""

    def train_dataloader(self) -> Any:
        return self._loader(_TRAINING, type(self.module).train_dataloader)

    def val_dataloader(self) -> Any:
        return self._loader(_VALIDATION, type(self.module).val_dataloader)

    def _loader(self, purpose: int, make: Callable[[Any], Any]) -> Any:
        if self.is_scoring and purpose in self.loaders:
            return self.loaders[purpose]
        trainer: Any = self.module.trainer
        is_made_anew = trainer is not None and trainer.reload_dataloaders_every_n_epochs > 0
        with isolate_rng():
            seed_everything(self._seed, purpose, trainer.current_epoch if is_made_anew else 0)
            self.loaders[purpose] = make(self.module)
        return self.loaders[purpose]


@contextmanager
def as_stage(trainer: pl.Trainer, stage: RunningStage) -> Iterator[None]:
    """Within the block the trainer says that it is at this stage, such as `trainer.training`."""
    before = trainer.state.stage
    trainer.state.stage = stage
    try:
        yield
    finally:
        trainer.state.stage = before


def prepared(trainer: pl.Trainer, batch: Any, loader: int = 0) -> Any:
    """A batch as a step gets it: converted, on the device, and gone through the hooks that the user has for that.

    Args:
        trainer: Is running; its stage is what hooks may ask for.
        batch: From a loader.
        loader: The number of the loader, from 0.
    """
    batch = trainer.precision_plugin.convert_input(batch)
    batch = trainer.lightning_module._on_before_batch_transfer(batch, dataloader_idx=loader)
    return trainer.strategy.batch_to_device(batch, dataloader_idx=loader)
