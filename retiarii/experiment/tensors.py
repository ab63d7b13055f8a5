"""Tensors, modules and data in words, without making anybody load torch."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from retiarii.experiment.codes import is_of_library

_WHOLE = 1000
_NUMBERS = "biufc"


def is_array(value: Any) -> bool:
    """Whether it is a tensor of torch, or an array of numpy."""
    return isinstance(value, np.ndarray) or _is(value, "torch", "Tensor")


def is_module(value: Any) -> bool:
    return _is(value, "torch.nn", "Module")


def is_of_modules(value: Any) -> bool:
    """Whether it is a module with others inside."""
    return is_module(value) and any(True for _ in value.children())


def is_loader(value: Any) -> bool:
    return _is(value, "torch.utils.data", "DataLoader")


def is_of_data(value: Any) -> bool:
    """Whether it is a loader or dataset, of which nothing is to be asked that could take long."""
    return is_loader(value) or _is_dataset(value)


def array_in_words(value: Any) -> str:
    """Kind and shape, and of a small one the numbers."""
    kind = f"{type(value).__name__} of {str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    is_numbers = value.dtype.kind in _NUMBERS if isinstance(value, np.ndarray) else value.layout is _torch("strided")
    if not is_numbers or getattr(value, "is_meta", False) or np.prod(value.shape) > _WHOLE:
        return kind
    try:
        return f"{kind} {value.tolist()}"
    except (RuntimeError, NotImplementedError):  # without numbers of its own, as one in a trace
        return kind


def attributes(value: Any) -> dict[str, Any]:
    """What tells loaders, datasets and modules apart beside the plain values they were made with."""
    if is_module(value):
        return dict(value.named_buffers(recurse=False))
    if _is_dataset(value):
        return _of_dataset(value)
    return _of_loader(vars(value))


def _of_loader(held: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: held[name] for name in ("dataset", "batch_size") if held.get(name) is not None}
    kinds = {name: type(held[name]) for name in ("sampler", "batch_sampler") if held.get(name) is not None}
    if "batch_size" in found:
        kinds.pop("batch_sampler", None)
    collate = held.get("collate_fn")
    own = {} if collate is None or is_of_library(collate) else {"collate_fn": collate}
    return found | kinds | own | ({"drop_last": True} if held.get("drop_last") else {})


def _of_dataset(dataset: Any) -> dict[str, Any]:
    """What it is a part of, and its length, if that takes no code of users."""
    inside = {name: held for name, held in vars(dataset).items() if name == "dataset"}
    kind = type(dataset).__name__ if is_of_library(type(dataset)) else ""
    if kind == "TensorDataset":
        inside["len"] = len(dataset.tensors[0])
    if kind == "Subset":
        inside["len"] = len(dataset.indices)
    if kind == "ConcatDataset":
        inside["len"] = dataset.cumulative_sizes[-1]
    return inside


def _is_dataset(value: Any) -> bool:
    return _is(value, "torch.utils.data", "Dataset")


def _is(value: Any, module: str, name: str) -> bool:
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(value, kind)


def _torch(name: str) -> Any:
    return getattr(sys.modules["torch"], name)
