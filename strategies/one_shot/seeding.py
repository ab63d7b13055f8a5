"""Random numbers of a training that can be taken up after any epoch."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from retiarii.graph.structure import flat


class EpochSeeds(pl.Callback):
    """Starts all generators anew before each epoch, from the seed and the epoch's number.

    So a training that goes on after an epoch draws what it would have drawn without the break.

    Args:
        seed: Of the search.
        first: The epoch that this run begins with.
        generators: Those of the user's loaders.
    """

    def __init__(self, seed: int, first: int, generators: Iterable[torch.Generator]) -> None:
        self._seed = seed
        self._first = first
        self._generators = tuple(generators)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The loaders' iterators of the first epoch are made before it starts."""
        self._start(self._first)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch != self._first:
            self._start(trainer.current_epoch)

    def _start(self, epoch: int) -> None:
        seed_everything(self._seed, epoch)
        for place, generator in enumerate(self._generators):
            generator.manual_seed(derived(self._seed, epoch, place))


def seed_everything(*parts: int) -> None:
    """Start the generators of `random`, numpy and torch from some numbers."""
    seed = derived(*parts)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def derived(*parts: int) -> int:
    """A seed below 2**32 that follows from some numbers."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def generators_of(loaders: Any) -> Iterator[torch.Generator]:
    """The generators that loaders have for themselves, each once."""
    seen: set[int] = set()
    for loader in flat(loaders):
        for holder in (loader, getattr(loader, "sampler", None)):
            generator = getattr(holder, "generator", None)
            if isinstance(generator, torch.Generator) and id(generator) not in seen:
                seen.add(id(generator))
                yield generator
