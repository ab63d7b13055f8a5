"""The loaders that a user gives, checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sized
from typing import Any

from torch import Tensor

from retiarii.errors import ExperimentError


def makes_data(value: Any) -> bool:
    """Whether data is given as something that makes it: a function, or the class of a datamodule."""
    return isinstance(value, type) or (callable(value) and not hasattr(value, "__iter__"))


def check_data(train_dataloaders: Any, val_dataloaders: Any, datamodule: Any, *, may_lack: bool = False) -> None:
    """Sees that there is data that can be gone through again and again.

    Args:
        train_dataloaders: As `Trainer.fit` takes them, or a function that makes them.
        val_dataloaders: Likewise.
        datamodule: In place of them.
        may_lack: Whether there may be no data for training, since the module has some.

    Raises:
        ExperimentError: there is none, or both; or a loader is empty, or an iterator, which is soon exhausted.
    """
    if train_dataloaders is None and datamodule is None and not may_lack:
        raise ExperimentError("there is nothing to train with: give train_dataloaders, or a datamodule")
    if datamodule is not None and not (train_dataloaders is None and val_dataloaders is None):
        raise ExperimentError("there are loaders and a datamodule: give either")
    given = {"train_dataloaders": train_dataloaders, "val_dataloaders": val_dataloaders}
    for name, value in given.items():
        for loader in loaders_in(value):
            _check_loader(name, loader)


def loaders_in(value: Any) -> list[Any]:
    """The single loaders in lists and dicts of them."""
    if isinstance(value, Mapping):
        return [loader for item in value.values() for loader in loaders_in(item)]
    if isinstance(value, list | tuple):
        return [loader for item in value for loader in loaders_in(item)]
    return [] if value is None else [value]


def _check_loader(name: str, loader: Any) -> None:
    kind = type(loader).__name__
    if isinstance(loader, Iterator):
        raise ExperimentError(
            f"{name} has a {kind}, which is exhausted after one epoch of one trial: give a DataLoader, or a function "
            "that makes the loader"
        )
    if makes_data(loader):
        return
    if isinstance(loader, Tensor) or not hasattr(loader, "__iter__"):
        raise ExperimentError(
            f"{name} has a {kind}, which is no loader: give a DataLoader (in a list or dict each item is a loader)"
        )
    if _is_empty(loader):
        raise ExperimentError(f"{name} has a {kind} without batches: its dataset is empty, or smaller than a batch")


def _is_empty(loader: Any) -> bool:
    try:
        return isinstance(loader, Sized) and len(loader) == 0
    except TypeError:  # a DataLoader over a dataset without length
        return False
