"""How little and how much the models of a space can cost."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from retiarii.domain import Expression
from retiarii.errors import ProfileError
from retiarii.profiler.columns import NEVER, YES, Column, Frame, TooManyWaysError, both
from retiarii.profiler.extremes import extreme, merged
from retiarii.profiler.grid import Grid

if TYPE_CHECKING:
    from retiarii.profiler.profile import Profile
    from retiarii.profiler.walk import Walk

MOST_MODELS = 4096
"""Samples that are all tried where there is no other way."""

MOST_TRACES = 64
"""Traces of a forward that looks at its choices; with more, bounds are not found."""

Amounts: TypeAlias = "Callable[[Walk, Frame], Iterator[Column]]"
Answers: TypeAlias = tuple[tuple[Expression, Any], ...]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Two numbers between which all costs of a space are; unpacks to `(lower, upper)`.

    Attributes:
        lower: no sample costs less.
        upper: no sample costs more.
        exact: whether samples that cost just this are known to exist (constraints of the space left aside).
    """

    lower: int
    upper: int
    exact: bool = True

    def __iter__(self) -> Iterator[int]:
        return iter((self.lower, self.upper))

    def __or__(self, other: Bounds) -> Bounds:
        lower, upper = min(self.lower, other.lower), max(self.upper, other.upper)
        return Bounds(lower, upper, self.exact and other.exact)


@dataclass(frozen=True, slots=True, eq=False)
class Sum:
    """A cost as a sum of tables over labels.

    Attributes:
        tables: amounts; `NEVER` where labels contradict one another.
        links: for each axis that is no label, the position along it by labels and earlier such axes.
        sizes: the number of values of each axis.
    """

    tables: tuple[Column, ...]
    links: Mapping[str, Column]
    sizes: Mapping[str, int]

    def bounds(self) -> Bounds | None:
        """The bounds; None where there is no sample at all."""
        tables = [*self.tables, *[_link(column, axis, self.sizes[axis]) for axis, column in self.links.items()]]
        lower, lower_is_exact = extreme(tables, self.sizes, largest=False)
        upper, upper_is_exact = extreme(tables, self.sizes, largest=True)
        if lower is None or upper is None:
            return None
        return Bounds(lower, upper, lower_is_exact and upper_is_exact)


def sums(profile: Profile, amounts: Amounts) -> Iterator[Sum]:
    """The cost of a space's models, a sum for each of the graphs that they are made from.

    Raises:
        ProfileError: there are too many graphs, a choice has too many values, or an expression joins too many choices.
    """
    space = profile.space
    for traced in traces(profile):
        grid = Grid(profile.encoder.values, is_tolerant=bool(traced.answers or space.domain.constraints))
        try:
            fits = profile.fitting(grid, traced.answers)
            allowed = grid.apply(_allowed, fits)
            tables = [allowed, *amounts(profile.walk(traced), grid)]
        except TooManyWaysError:
            raise ProfileError(
                f"the bounds of a cost of {type(space).__name__} are not known: a value depends on more choices than "
                "can be tried together; cost(samples) works all the same"
            ) from None
        together = merged(tables, grid.sizes)
        yield Sum(tuple(together), _needed(grid.links, together), dict(grid.sizes))


def _needed(links: Mapping[str, Column], tables: list[Column]) -> dict[str, Column]:
    axes = {axis for table in tables for axis in table.axes}
    kept: dict[str, Column] = {}
    for axis in reversed(list(links)):
        if axis in axes:
            kept[axis] = links[axis]
            axes.update(links[axis].axes)
    return dict(reversed(list(kept.items())))


def _link(column: Column, axis: str, size: int) -> Column:
    """0 where a position along an axis is the one that the labels say, `NEVER` elsewhere."""
    is_there = column.ids[..., np.newaxis] == np.arange(size)
    return Column((*column.axes, axis), np.where(is_there, 0, NEVER))


def _allowed(fits: Any) -> Any:
    return np.where(fits, 0, NEVER)


def traces(profile: Profile) -> Iterator[Any]:
    """All graphs with open choices that models are made from.

    Raises:
        ProfileError: there are too many.
    """
    seen: set[int] = set()
    waiting: list[Answers] = [()]
    while waiting:
        sample = _sample(profile, waiting.pop())
        traced = None if sample is None else profile.traced(sample)
        if traced is None or id(traced) in seen:
            continue
        seen.add(id(traced))
        if len(seen) > MOST_TRACES:
            raise ProfileError(
                f"the forward of {type(profile.space).__name__} looks at its choices in more than {MOST_TRACES} ways, "
                "too many to know its costs for all samples at once; cost(samples) works all the same"
            )
        yield traced
        waiting += _other_ways(profile, traced.answers)


def _other_ways(profile: Profile, answers: Answers) -> Iterator[Answers]:
    """The beginnings of what a forward can be told that differ from some answers in the last one."""
    for position, (question, answer) in enumerate(answers):
        term = profile.encoder.terms.term(question)
        column = term.column(Grid(profile.encoder.values))
        for value in [term.values[number] for number in np.unique(column.ids) if number >= 0]:
            if value != answer:
                yield (*answers[:position], (question, value))


def _sample(profile: Profile, answers: Answers) -> dict[str, Any] | None:
    """Some choices for which a forward is told this; None if there are none."""
    grid = Grid(profile.encoder.values)
    fits = YES
    for question, answer in answers:
        term = profile.encoder.terms.term(question)
        fits = both(grid, fits, term.where(grid, partial(operator.eq, answer)))
    if not fits.ids.any():
        return None
    place = np.unravel_index(int(np.argmax(fits.ids)), fits.ids.shape)
    found = zip(fits.axes, place, strict=True)
    return {label: profile.encoder.values[label].all[int(number)] for label, number in found}
