"""The data of methods that train weights and architecture on batches of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, Self

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities import CombinedLoader
from pytorch_lightning.utilities.model_helpers import is_overridden
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler, Subset

from retiarii.errors import ExperimentError
from retiarii.strategies.one_shot.module import TRANSFERS

_REMEDY = (
    "give split=0.5, which takes the architecture's batches from the training data, or a DataLoader over a dataset"
)


class Pair(NamedTuple):
    """Two batches for one step."""

    weights: Any
    architecture: Any


class Paired(CombinedLoader):
    """Goes through a loader of the weights once; each batch comes with one of the architecture's, which starts again.

    Args:
        weights: The loader of the weights.
        architecture: The loader of the architecture.
    """

    def __init__(self, weights: Any, architecture: Any) -> None:
        super().__init__([weights, architecture], "max_size_cycle")
        self._pairs: Iterator[Pair] = iter(())
        self._count = 0

    def __iter__(self) -> Self:
        self._pairs = self._paired()
        self._count = 0
        return self

    def __next__(self) -> tuple[Pair, int, int]:
        pair = next(self._pairs)
        self._count += 1
        return pair, self._count - 1, 0

    def __len__(self) -> int:
        limit = self._limit
        length = limit if isinstance(limit, int) else len(self.flattened[0])
        return min(length, len(self.flattened[0])) if hasattr(self.flattened[0], "__len__") else length

    @property
    def _limit(self) -> int | float:
        return float("inf") if self.limits is None else self.limits[0]

    def _paired(self) -> Iterator[Pair]:
        weights, architecture = self.flattened
        others = iter(architecture)
        for index, batch in enumerate(weights):
            if index >= self._limit:
                return
            other = next(others, _NOTHING)
            if other is _NOTHING:
                others = iter(architecture)
                other = next(others, _NOTHING)
            if other is _NOTHING:
                raise _exhausted(index)
            yield Pair(batch, other)


_NOTHING = object()


def paired(data: Mapping[str, Any], split: float | None) -> dict[str, Any]:
    """What a trainer is called with to get pairs of batches.

    Args:
        data: What it would be called with for ordinary training; a data module among it is changed.
        split: The share of the training data that the weights are trained with, the architecture with the rest, drawn
            by torch's global seed; None to train the architecture with the validation data.

    Raises:
        ExperimentError: there are several loaders at once, or data that can't be split.
    """
    module = data.get("datamodule")
    if module is not None:
        return {**data, "datamodule": _paired_module(module, split)}
    train, validation = data.get("train_dataloaders"), data.get("val_dataloaders")
    return {**data, "train_dataloaders": _paired_loader(train, validation, split, torch.initial_seed())}


def of_each(hook: Callable[..., Any], batch: Any, *rest: Any) -> Any:
    """What a hook makes of a batch, or of both batches of a pair."""
    if isinstance(batch, Pair):
        return Pair(*[hook(part, *rest) for part in batch])
    return hook(batch, *rest)


def _paired_loader(train: Any, validation: Any, split: float | None, seed: int) -> Paired:
    if isinstance(train, list | tuple | dict | CombinedLoader):
        raise ExperimentError(
            f"the training data are several loaders ({type(train).__name__}), of which no pairs with the "
            "architecture's can be made: give one DataLoader, over a dataset whose examples have all parts"
        )
    if split is not None:
        return Paired(*_parts(train, split, seed))
    return Paired(train, _single(validation))


def _single(validation: Any) -> Any:
    if isinstance(validation, list | tuple | dict):
        loaders = list(validation.values() if isinstance(validation, dict) else validation)
        if len(loaders) != 1:
            raise ExperimentError(
                f"there are {len(loaders)} validation loaders, and the architecture is trained with one: {_REMEDY}"
            )
        return loaders[0]
    if validation is None:
        raise ExperimentError(f"there are no validation data to train the architecture with: {_REMEDY}")
    return validation


def _parts(loader: Any, share: float, seed: int) -> tuple[DataLoader[Any], DataLoader[Any]]:
    """Two loaders like one, over two parts of its data, drawn by a seed."""
    if not isinstance(loader, DataLoader) or not _is_plain(loader):
        raise ExperimentError(
            f"split={share} needs training data that can be divided, and got {type(loader).__name__}: give a "
            "DataLoader over a dataset with a length, shuffled or in order, with a batch size; or leave split out"
        )
    count = len(loader.dataset)  # type: ignore[arg-type]
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed)).tolist()
    border = round(share * count)
    if not 0 < border < count:
        raise ExperimentError(f"split={share} of {count} training examples leaves none for one of the two parts")
    return _like(loader, sorted(order[:border])), _like(loader, sorted(order[border:]))


def _is_plain(loader: DataLoader[Any]) -> bool:
    samplers = (RandomSampler, SequentialSampler)
    return type(loader.sampler) in samplers and type(loader.batch_sampler) is BatchSampler


def _like(loader: DataLoader[Any], indices: list[int]) -> DataLoader[Any]:
    return DataLoader(
        Subset(loader.dataset, indices),
        batch_size=loader.batch_size,
        shuffle=isinstance(loader.sampler, RandomSampler),
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        drop_last=loader.drop_last,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        generator=loader.generator,
        prefetch_factor=loader.prefetch_factor,
        persistent_workers=loader.persistent_workers,
    )


def _paired_module(module: pl.LightningDataModule, split: float | None) -> pl.LightningDataModule:
    """A data module, which gives pairs to train with from now on."""
    for name in TRANSFERS:
        if is_overridden(name, module):
            vars(module)[name] = partial(of_each, getattr(module, name))
    make = partial(_loader_of, module, module.train_dataloader, split, torch.initial_seed())
    vars(module)["train_dataloader"] = make
    return module


def _loader_of(
    module: pl.LightningDataModule, train_dataloader: Callable[[], Any], split: float | None, seed: int
) -> Paired:
    validation = module.val_dataloader() if split is None else None
    return _paired_loader(train_dataloader(), validation, split, seed)


def _exhausted(index: int) -> ExperimentError:
    if index == 0:
        return ExperimentError(f"the loader of the architecture's batches gives none: {_REMEDY}")
    return ExperimentError(
        f"the loader of the architecture's batches gives no more after {index} batches, because it can be gone through "
        f"only once: {_REMEDY}"
    )
