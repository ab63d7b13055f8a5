"""Bit equality of whatever a model returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

LEAVES = (Tensor, bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device)


def equal(first: Any, second: Any) -> bool:
    """Whether two outputs hold the same leaves at the same places, to the bit. NaN equals NaN.

    Containers need not be of the same class: a dict may stand for an output class that is one.
    """
    left, right = dict(_leaves(first, "")), dict(_leaves(second, ""))
    return left.keys() == right.keys() and all(_same(left[place], right[place]) for place in left)


def _leaves(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, LEAVES):
        yield place, value
    elif isinstance(value, Mapping):
        for key in value:
            yield from _leaves(value[key], f"{place}.{key}")
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{place}.{index}")
    elif hasattr(value, "__dict__"):
        yield from _leaves(vars(value), place)
    else:
        yield place, value


def _same(first: Any, second: Any) -> bool:
    if not isinstance(first, Tensor) or not isinstance(second, Tensor):
        return type(first) is type(second) and bool(first == second)
    if first.dtype != second.dtype or first.shape != second.shape:
        return False
    if not (first.is_floating_point() or first.is_complex()):
        return torch.equal(first, second)
    numbers = ~first.isnan()
    return torch.equal(numbers, ~second.isnan()) and torch.equal(first[numbers], second[numbers])
