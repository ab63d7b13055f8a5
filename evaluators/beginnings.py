"""What a training changes in the things that the user gave, as it was before."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger

from retiarii.evaluators.loaders import loaders_in

_GENERATORS = (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)  # noqa: S311  no secrets
_NO_HOLDERS = (type, FunctionType, ModuleType, torch.Tensor, pl.Trainer)
_ABSENT = object()
_MANY = 1000
"""Containers of more things are taken for data."""


class Beginnings:
    """How things stand at one moment, to start each training from there.

    These are the random generators of loaders and datamodules, in whatever they hold: samplers, datasets, the
    transforms of these, functions that put batches together; the attributes of loggers, so that each training has a run
    of its own; and those of callbacks that keep a state, as `EarlyStopping` does, which by Lightning's rules are those
    with a `state_dict`. Other callbacks are left alone.

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


@contextmanager
def untied(things: list[Any]) -> Iterator[None]:
    """Cuts callbacks and datamodules off, at the end, from the training in the block, which would be sent with them."""
    tied = [(vars(thing), name) for thing in things for name in _ties(thing)]
    before = [attributes.get(name, _ABSENT) for attributes, name in tied]
    try:
        yield
    finally:
        for (attributes, name), value in zip(tied, before, strict=True):
            attributes.pop(name, None)
            attributes.update({} if value is _ABSENT else {name: value})


def _ties(thing: Any) -> Sequence[str]:
    """What Lightning sets on a thing; what else it has is its own."""
    if isinstance(thing, pl.LightningDataModule):
        return ("trainer",)
    return ("log", "log_dict") if isinstance(thing, pl.Callback) else ()


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
        else:
            waiting += _parts(value)
    return found


def _parts(value: Any) -> list[Any]:
    """What may hold generators in a thing, as in a dataset of datasets."""
    if isinstance(value, dict | list | tuple):
        return [] if len(value) > _MANY else [*(value.values() if isinstance(value, dict) else value)]
    if isinstance(value, MethodType):
        return [value.__self__]
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    return [] if isinstance(value, _NO_HOLDERS) or not hasattr(value, "__dict__") else [*vars(value).values()]


def _state(generator: Any) -> Any:
    match generator:
        case torch.Generator():
            return generator.get_state()
        case np.random.Generator():
            return generator.bit_generator.state
        case np.random.RandomState():
            return generator.get_state()
        case _:
            return generator.getstate()


def _set_state(generator: Any, state: Any) -> None:
    match generator:
        case torch.Generator():
            generator.set_state(state)
        case np.random.Generator():
            generator.bit_generator.state = state
        case np.random.RandomState():
            generator.set_state(state)
        case _:
            generator.setstate(state)
