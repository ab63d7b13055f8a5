"""What a training changes in the things that the user gave, as it was before."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import CombinedLoader
from torch.utils.data import DataLoader, Dataset, Sampler

from retiarii.evaluators.loaders import loaders_in

_HOLDERS = (DataLoader, Dataset, Sampler, CombinedLoader, pl.LightningDataModule)
_TIES = frozenset({"log", "log_dict", "trainer"})
_GENERATORS = (torch.Generator, np.random.Generator, random.Random)  # noqa: S311  no secrets here


class Beginnings:
    """How things stand at one moment, to start each training from there.

    These are the random generators of loaders, samplers, datasets and datamodules; the attributes of loggers, so that
    each training has a run of its own; and those of callbacks that keep a state, as `EarlyStopping` does, which by
    Lightning's rules are those with a `state_dict`. Other callbacks are left alone.

    Args:
        data: Loaders, in lists and dicts or not, and datamodules.
        companions: Callbacks and loggers.
    """

    def __init__(self, data: list[Any], companions: list[Any]) -> None:
        self._generators = [(generator, _state(generator)) for generator in _generators(loaders_in(data))]
        self._attributes = [(thing, _copied(vars(thing))) for thing in companions if _has_state(thing)]

    def restore_generators(self) -> None:
        for generator, state in self._generators:
            _set_state(generator, state)

    def restore_companions(self) -> None:
        for thing, attributes in self._attributes:
            vars(thing).clear()
            vars(thing).update(_copied(attributes))


def untie(things: list[Any]) -> None:
    """Cuts callbacks and datamodules off from the training they were in, which would be sent along with them."""
    for thing in things:
        for name in _TIES & vars(thing).keys():
            delattr(thing, name)


def _has_state(thing: Any) -> bool:
    if isinstance(thing, pl.Callback):
        return type(thing).state_dict is not pl.Callback.state_dict
    return isinstance(thing, Logger)


def _copied(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.copy() if isinstance(value, dict | list | set) else value for name, value in attributes.items()}


def _generators(data: list[Any]) -> list[Any]:
    """The generators that things hold, themselves or in others that they hold, each once."""
    waiting, entered, found = [*data], set[int](), []
    while waiting:
        value = waiting.pop()
        if id(value) in entered:
            continue
        entered.add(id(value))
        if isinstance(value, _GENERATORS):
            found.append(value)
        elif isinstance(value, _HOLDERS):
            waiting += [part for held in vars(value).values() for part in _parts(held)]
    return found


def _parts(held: Any) -> list[Any]:
    """What may hold generators of an attribute, or of the items of one, as in a dataset of datasets."""
    items = [*held.values()] if isinstance(held, dict) else held
    return [item for item in (items if isinstance(items, list | tuple) else [held]) if _is_walked(item)]


def _is_walked(value: Any) -> bool:
    return isinstance(value, (*_HOLDERS, *_GENERATORS))


def _state(generator: Any) -> Any:
    match generator:
        case torch.Generator():
            return generator.get_state()
        case np.random.Generator():
            return generator.bit_generator.state
        case _:
            return generator.getstate()


def _set_state(generator: Any, state: Any) -> None:
    match generator:
        case torch.Generator():
            generator.set_state(state)
        case np.random.Generator():
            generator.bit_generator.state = state
        case _:
            generator.setstate(state)
