"""A choice as decisions: steps, each with a few options, that a policy takes one after another."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from retiarii.domain import Categorical, Choice, Numeric, Subset, Value
from retiarii.domain.value import identity

Options = NDArray[np.int64]
"""For each of some samples the options taken so far: shape (samples, steps)."""

_BINS = 10


class Decisions(Protocol):
    """How one choice is decided."""

    widths: tuple[int, ...]
    """The number of options of each step; empty for a choice with one value only."""

    def legal(self, taken: Options) -> NDArray[np.bool_]:
        """Which options of the next step lead to a value, after those `taken`: shape (samples, options)."""

    def value(self, taken: list[int], rng: np.random.Generator) -> Value:
        """The value that these options, one for each step, stand for; chance decides what they leave open."""

    def options(self, value: Value) -> list[int]:
        """The options that lead to a canonical value."""


def decisions(choice: Choice) -> Decisions:
    """How to decide `choice`."""
    if isinstance(choice, Categorical):
        return _One(choice)
    if isinstance(choice, Subset):
        return _InOrOut(choice)
    return _Bins(choice)


class _One:
    """A step with an option for each candidate."""

    def __init__(self, choice: Categorical) -> None:
        self._candidates = choice.candidates
        self._options = {identity(candidate): option for option, candidate in enumerate(choice.candidates)}
        self.widths: tuple[int, ...] = (choice.size,) if choice.size > 1 else ()

    def legal(self, taken: Options) -> NDArray[np.bool_]:
        return np.ones((len(taken), len(self._candidates)), dtype=bool)

    def value(self, taken: list[int], rng: np.random.Generator) -> Value:
        return self._candidates[taken[0] if taken else 0]

    def options(self, value: Value) -> list[int]:
        return [self._options[identity(value)]] if self.widths else []


class _InOrOut:
    """A step for each candidate of a subset: out or in, so that neither too few nor too many are in."""

    def __init__(self, choice: Subset) -> None:
        self._choice = choice
        self.widths: tuple[int, ...] = (2,) * choice.n_candidates if choice.size > 1 else ()

    def legal(self, taken: Options) -> NDArray[np.bool_]:
        inside = taken.sum(axis=1)
        left = self._choice.n_candidates - taken.shape[1]
        return np.stack([inside + left > self._choice.minimum, inside < self._choice.maximum], axis=1)

    def value(self, taken: list[int], rng: np.random.Generator) -> Value:
        return [index for index, inside in enumerate(taken) if inside] if taken else self._choice.default

    def options(self, value: Value) -> list[int]:
        inside = set(cast("list[int]", value))
        return [int(index in inside) for index in range(len(self.widths))]


class _Bins:
    """A step with an option for each of at most 10 ranges, as wide as each other on the scale of the choice.

    The value is drawn from its range as the choice would draw it. The ranges of integers may be of one value each.
    """

    def __init__(self, choice: Numeric) -> None:
        edges = _integer_edges(choice) if choice.integer else _edges(choice)
        gap = 1 if choice.integer else 0
        self._ranges = [
            Numeric(choice.label, low, high - gap, integer=choice.integer, log=choice.log)
            for low, high in pairwise(edges)
        ]
        self._inner = edges[1:-1]
        self.widths: tuple[int, ...] = (len(self._ranges),) if len(self._ranges) > 1 else ()

    def legal(self, taken: Options) -> NDArray[np.bool_]:
        return np.ones((len(taken), len(self._ranges)), dtype=bool)

    def value(self, taken: list[int], rng: np.random.Generator) -> Value:
        return self._ranges[taken[0] if taken else 0].random(rng)

    def options(self, value: Value) -> list[int]:
        return [bisect_right(self._inner, cast("float", value))] if self.widths else []


def _edges(choice: Numeric) -> list[float]:
    """Where the ranges of a continuous choice begin, and the end of the last; fewer than usual in a tiny range."""
    shares = np.linspace(0.0, 1.0, _BINS + 1)
    if choice.log:
        inner = np.exp(np.log(choice.low) * (1 - shares) + np.log(choice.high) * shares)
    else:
        inner = choice.low * (1 - shares) + choice.high * shares
    within = {edge for edge in inner[1:-1].tolist() if choice.low < edge < choice.high}
    return [choice.low, *sorted(within), choice.high]


def _integer_edges(choice: Numeric) -> list[int]:
    """Where the ranges of an integer choice begin, and one after the end of the last."""
    low, end = int(choice.low), int(choice.high) + 1
    if end - low <= _BINS:
        return list(range(low, end + 1))
    if not choice.log:
        return [low + (end - low) * place // _BINS for place in range(_BINS + 1)]
    inner = np.exp(np.linspace(np.log(low - 0.5), np.log(end - 0.5), _BINS + 1))[1:-1]
    within = {edge for edge in (round(float(edge) + 0.5) for edge in inner) if low < edge < end}
    return [low, *sorted(within), end]
