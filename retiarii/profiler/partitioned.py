"""All ways of deciding labels at once, each function of them told apart as far as it tells them apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from retiarii.profiler.columns import DEAD, NO, YES, Column, Frame, Ids
from retiarii.profiler.diagrams import Diagrams, Ref
from retiarii.profiler.terms import Values


class _Variables(dict[str, Column]):
    """A column for each label: all its values."""

    def __init__(self, values: Mapping[str, Values], diagrams: Diagrams) -> None:
        super().__init__()
        self._values = values
        self._places = {label: place for place, label in enumerate(values)}
        self._diagrams = diagrams

    def __missing__(self, label: str) -> Column:
        size = self._values[label].complete()
        root = self._diagrams.node(self._places[label], tuple([-1 - number for number in range(size)]))
        column = self[label] = Column(axes_of(root), np.arange(size) if root >= 0 else np.array(0))
        return column


class Partitioned(Frame):
    """All ways of deciding the labels of a space, inactive ones included: they make no difference.

    A column has one axis, a decision diagram over the labels: one id for each of its leaves. Every leaf stands for ways
    that there are, whatever else a column depends on.

    Args:
        values: of each label.
        diagrams: the axes; shared by all frames whose columns are to be compared.
        is_tolerant: see `Frame`.
    """

    def __init__(self, values: Mapping[str, Values], diagrams: Diagrams, *, is_tolerant: bool = False) -> None:
        super().__init__({}, is_tolerant=is_tolerant)
        self.labels: Mapping[str, Column] = _Variables(values, diagrams)
        self._diagrams = diagrams

    def with_labels(self, labels: Mapping[str, Column]) -> Partitioned:
        """A frame of the same ways in which labels have other columns."""
        made = Partitioned({}, self._diagrams, is_tolerant=self.is_tolerant)
        made.labels = labels
        return made

    def aligned(self, columns: Sequence[Column]) -> tuple[tuple[str, ...], list[Ids]]:
        axes = self._joined(columns)
        if len(axes) <= 1:
            return axes, [column.ids for column in columns]
        root = root_of(axes[:1])
        places: dict[tuple[str, ...], Any] = {axes[:1]: slice(None)}
        for axis in axes[1:]:
            product = self._diagrams.product(root, root_of((axis,)))
            first, second = np.array(product.pairs, np.int64).T
            places = {known: first if isinstance(taken, slice) else taken[first] for known, taken in places.items()}
            places[axis,] = second
            root = product.root
        return axes_of(root), [column.ids[places[column.axes]] if column.axes else column.ids for column in columns]

    def settled(self, column: Column) -> Column:
        if not column.axes:
            return _simple(column)
        ids, numbers = _numbered(column.ids)
        if len(ids) == 1:
            return _simple(Column((), ids[0]))
        if len(ids) == len(column.ids):
            return column
        return Column(axes_of(self._diagrams.relabelled(root_of(column.axes), numbers.tolist())), ids)

    def needed(self, column: Column) -> Column:
        found = np.where(column.ids < 0, DEAD, column.ids)
        if not column.axes or found.min() >= 0:
            return self.settled(Column(column.axes, found))
        ids, numbers = _numbered(found)
        free = int(np.flatnonzero(ids == DEAD)[0])
        root = self._diagrams.relabelled(root_of(column.axes), numbers.tolist(), free)
        if root < 0:
            return Column((), ids[-1 - root])
        order = self._diagrams.leaves(root)
        places = dict(zip(order, range(len(order)), strict=True))
        renumbered = self._diagrams.relabelled(root, [places.get(number, 0) for number in range(len(ids))])
        return Column(axes_of(renumbered), ids[order])


def axes_of(root: Ref) -> tuple[str, ...]:
    """The axes of a column with a diagram."""
    return (str(root),) if root >= 0 else ()


def root_of(axes: tuple[str, ...]) -> Ref:
    """The diagram of the one axis of a column."""
    return int(axes[0])


def _simple(column: Column) -> Column:
    if column.ids.dtype != np.bool_:
        return column
    return YES if column.ids else NO


def _numbered(ids: Ids) -> tuple[Ids, Ids]:
    """The distinct ids as they come, and for each id its place among them."""
    found, first, places = np.unique(ids, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return found[order], np.argsort(order)[places]
