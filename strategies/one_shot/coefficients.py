"""How much each input counts where several subsets of inputs are weighed at once."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

import torch
from torch import Tensor

from retiarii.strategies.one_shot.ways import Ways

Amount: TypeAlias = tuple[int, Tensor, bool]
"""An input's index, what it is multiplied with, and whether it passes gradients on."""
_Table: TypeAlias = tuple[tuple[tuple[int, bool, tuple[tuple[int, float], ...]], ...], ...]


def coefficients(ways: Ways, count: int, reduction: str) -> list[list[Amount]]:
    """For each part of the result what it is the weighed sum of.

    A "sum" or "mean" has one part. A "concat" or "none" has as many as the largest subset; part `s` adds up, over the
    subsets, their element `s`, so that shorter ones are padded with zeros.

    Args:
        ways: its values are subsets, as sorted tuples of indices.
        count: the number of inputs.
        reduction: see `ChosenInputs`.
    """
    made = []
    for slot in _table(ways.values, ways.trained, count, reduction):
        made.append([(index, _total(ways, terms), is_trained) for index, is_trained, terms in slot])
    return made


def _total(ways: Ways, terms: tuple[tuple[int, float], ...]) -> Tensor:
    if len(terms) == 1:
        place, factor = terms[0]
        return ways.scalars[place] if factor == 1 else ways.scalars[place] * factor
    weights = ways.weights
    assert weights is not None  # noqa: S101  for the type checker: a path weighs nothing
    places = torch.tensor([place for place, _ in terms], device=weights.device)
    factors = torch.tensor([factor for _, factor in terms], device=weights.device, dtype=weights.dtype)
    return (weights[places] * factors).sum()


@lru_cache(maxsize=1024)
def _table(values: tuple[tuple[int, ...], ...], trained: int, count: int, reduction: str) -> _Table:
    """For each slot and input, apart by whether gradients pass, the subsets that it counts in, with its share."""
    is_one = reduction in ("sum", "mean")
    longest = max((len(subset) for subset in values), default=0)
    slots: list[dict[tuple[int, bool], list[tuple[int, float]]]] = [{} for _ in range(1 if is_one else longest)]
    for place, subset in enumerate(values):
        share = 1 / len(subset) if reduction == "mean" and subset else 1.0
        for position, index in enumerate(subset):
            slot = slots[0 if is_one else position]
            slot.setdefault((index, place < trained), []).append((place, share))
    return tuple(
        [tuple([(index, is_trained, tuple(terms)) for (index, is_trained), terms in slot.items()]) for slot in slots]
    )
