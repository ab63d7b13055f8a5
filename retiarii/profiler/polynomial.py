"""Sums of functions of labels, put together so that their average is computed in few steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate, groupby
from typing import TypeAlias

import numpy as np

from retiarii.errors import ProfileError
from retiarii.profiler.columns import Column, Ids
from retiarii.profiler.diagrams import Diagrams
from retiarii.profiler.expectation import Expectation, Layer
from retiarii.profiler.partitioned import root_of
from retiarii.profiler.terms import Values

MOST_PRODUCTS = 2**20
"""Products that an average is computed from, at most."""

_NARROW = 16
"""Averages over up to as many values are computed together."""

_Average: TypeAlias = tuple[int, tuple[int, ...]]
"""A variable, and for each of its values the item that is weighed."""


class Polynomial:
    """A sum of columns.

    Args:
        diagrams: the axes of the columns.
        values: of each label.
    """

    def __init__(self, diagrams: Diagrams, values: Mapping[str, Values]) -> None:
        self._diagrams = diagrams
        self._values = values
        self._sums: dict[tuple[str, ...], Ids] = {}

    def add(self, column: Column) -> None:
        """Add a column."""
        known = self._sums.get(column.axes)
        self._sums[column.axes] = column.ids if known is None else known + column.ids

    def expectation(self, unit: float) -> Expectation:
        """The average of the sum, times `unit`.

        Raises:
            ProfileError: it takes too many products.
        """
        items = _Items()
        ends = Counter([self._end(items, axes, amounts) for axes, amounts in self._sums.items()])
        if items.products > MOST_PRODUCTS:
            raise ProfileError(
                f"an average cost takes {items.products} products, more than {MOST_PRODUCTS}: it depends on labels in "
                "too irregular a way; cost(samples) works all the same"
            )
        return _laid_out(items, ends, self._values, unit)

    def _end(self, items: _Items, axes: tuple[str, ...], amounts: Ids) -> int:
        """The item that is the average of a column."""
        if not axes:
            return items.leaf(int(amounts))
        root = root_of(axes)
        made = {-1 - leaf: items.leaf(amount) for leaf, amount in enumerate(amounts.tolist())}
        for ref in self._diagrams.nodes(root):
            children = tuple([made[child] for child in self._diagrams.children[ref]])
            made[ref] = items.average(self._diagrams.variables[ref], children)
        return made[root]


class _Items:
    """Numbers and averages of them, each kept once.

    Attributes:
        content: of each item, a number or an average.
        heights: how many averages are within one another.
        products: how many products all averages take.
    """

    def __init__(self) -> None:
        self.content: list[int | _Average] = []
        self.heights: list[int] = []
        self.products = 0
        self._known: dict[int | _Average, int] = {}

    def leaf(self, amount: int) -> int:
        return self._item(amount, 0)

    def average(self, variable: int, children: tuple[int, ...]) -> int:
        if children.count(children[0]) == len(children):
            return children[0]
        return self._item((variable, children), 1 + max([self.heights[child] for child in children]))

    def _item(self, content: int | _Average, height: int) -> int:
        known = self._known.get(content)
        if known is None:
            known = self._known[content] = len(self.content)
            self.content.append(content)
            self.heights.append(height)
            self.products += len(content[1]) if isinstance(content, tuple) else 0
        return known


def _laid_out(items: _Items, ends: Mapping[int, int], values: Mapping[str, Values], unit: float) -> Expectation:
    """The items in the order in which they are computed."""
    labels = list(values)
    used = sorted({content[0] for content in items.content if isinstance(content, tuple)})
    sizes = [len(values[labels[variable]].all) for variable in used]
    begins = dict(zip(used, accumulate(sizes, initial=0), strict=False))
    order = sorted(range(len(items.content)), key=lambda item: _rank(items, item))
    places = {item: place for place, item in enumerate(order)}
    leaves = [content for content in map(items.content.__getitem__, order) if not isinstance(content, tuple)]
    layers: list[Layer] = []
    for rank, group in groupby(order, key=lambda item: _rank(items, item)):
        averages = [content for content in map(items.content.__getitem__, group) if isinstance(content, tuple)]
        if rank[0]:
            layers.append(_layer(averages, places, begins, sum(sizes)))
    return Expectation(
        {labels[variable]: tuple(values[labels[variable]].all) for variable in used},
        np.array(leaves, np.float64) * unit,
        tuple(layers),
        np.array([places[item] for item in ends], np.int64),
        np.array([*ends.values()], np.float64),
    )


def _rank(items: _Items, item: int) -> tuple[int, int]:
    """What has the same one is computed together: items of one height, but long sums apart from short ones."""
    content = items.content[item]
    breadth = len(content[1]) if isinstance(content, tuple) else 0
    return items.heights[item], max(breadth, _NARROW).bit_length()


def _layer(averages: Sequence[_Average], places: Mapping[int, int], begins: Mapping[int, int], nothing: int) -> Layer:
    breadth = max([len(children) for _, children in averages])
    probabilities = np.full((len(averages), breadth), nothing, np.int64)
    numbers = np.zeros((len(averages), breadth), np.int64)
    for row, (variable, children) in enumerate(averages):
        probabilities[row, : len(children)] = begins[variable] + np.arange(len(children))
        numbers[row, : len(children)] = [places[child] for child in children]
    return Layer(probabilities, numbers)
