"""From the graph of a space to the average of a cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from retiarii.errors import ProfileError
from retiarii.profiler.bounds import Amounts, Answers, traces
from retiarii.profiler.columns import NEVER, Column, Frame, TooManyWaysError
from retiarii.profiler.diagrams import Diagrams, TooManyNodesError
from retiarii.profiler.expectation import Expectation
from retiarii.profiler.guards import masked
from retiarii.profiler.partitioned import Partitioned, root_of
from retiarii.profiler.polynomial import Polynomial

if TYPE_CHECKING:
    from retiarii.profiler.profile import Profile
    from retiarii.profiler.walk import Walk

_MOST_NAMED = 8


def expectation_of(profile: Profile, amounts: Amounts, unit: float = 1.0) -> Expectation:
    """The average of a cost.

    Args:
        profile: of the space.
        amounts: gives columns that add up to the cost.
        unit: what 1 in these columns is worth.

    Raises:
        ProfileError: the space has mutators, a choice has too many values, ways of deciding labels contradict one
            another, or the cost depends on labels in too irregular a way.
    """
    diagrams = Diagrams()
    polynomial = Polynomial(diagrams, profile.encoder.values)
    with explained(profile, diagrams):
        for walk, frame, fits in everything(profile, diagrams):
            for column in amounts(walk, frame):
                part = frame.apply(_where_fitting, fits, column)
                _check_possible(profile, diagrams, part)
                polynomial.add(part)
    return polynomial.expectation(unit)


def _where_fitting(fits: Any, amounts: Any) -> Any:
    return np.where(fits, amounts, 0)


def _check_possible(profile: Profile, diagrams: Diagrams, column: Column) -> None:
    if column.ids.min() < NEVER // 2:
        raise ProfileError(
            f"the average cost of {_name(profile)} is not known: some values of "
            f"{_labels(profile, diagrams, column.axes)} give no model together, so these can't be decided without a "
            "look at one another; cost(samples) works all the same"
        )


@contextmanager
def explained(profile: Profile, diagrams: Diagrams) -> Iterator[None]:
    """Says as a `ProfileError` what depends on labels in too irregular a way."""
    try:
        yield
    except TooManyNodesError as error:
        labels = _labels(profile, diagrams, [str(root) for root in error.roots if root >= 0])
        raise ProfileError(
            f"the average cost of {_name(profile)} is not known: an amount depends on {labels} in too irregular a way "
            "to be tabulated; cost(samples) works all the same"
        ) from None
    except TooManyWaysError:
        raise ProfileError(
            f"the average cost of {_name(profile)} is not known: what its forward looks at joins too many choices; "
            "cost(samples) works all the same"
        ) from None


def everything(profile: Profile, diagrams: Diagrams) -> Iterator[tuple[Walk, Partitioned, Column]]:
    """All ways of deciding the labels of a space, whatever its constraints.

    Args:
        profile: of the space.
        diagrams: the axes of the frames.

    Yields:
        The walk over a graph, a frame, and where in it the graph is the one that models are made from.

    Raises:
        ProfileError: the space has mutators, or a choice has too many values.
    """
    if profile.traced({}) is None:
        raise ProfileError(
            f"{_name(profile)} has mutators, which make a graph of its own for each sample, so its costs are not known "
            "for all samples at once; cost(samples) works all the same"
        )
    for traced in traces(profile):
        is_tolerant = bool(traced.answers or profile.space.domain.constraints)
        frame = Partitioned(profile.encoder.values, diagrams, is_tolerant=is_tolerant)
        fits = profile.fitting(_told(profile, frame, traced.answers), traced.answers)
        yield profile.walk(traced), frame, fits


def _told(profile: Profile, frame: Partitioned, answers: Answers) -> Frame:
    """The frame that a forward is told of: a label that is inactive has its default there."""
    encoder = profile.encoder
    needed = {label for question, _ in answers for label in question.labels}
    for label in reversed(list(encoder.values)):
        alternatives = encoder.conditions.get(label, ()) if label in needed else ()
        needed.update([each for alternative in alternatives for holds in alternative for each in holds.labels])
    decided: dict[str, Column] = {}
    told: dict[str, Column] = {}
    known = frame.with_labels(decided)
    for label in filter(needed.__contains__, encoder.values):
        active = encoder.is_active(label, known)
        decided[label] = masked(frame, frame.labels[label], active)
        default = Column((), np.array(encoder.values[label].default))
        told[label] = frame.apply(np.where, active, frame.labels[label], default)
    return frame.with_labels(told)


def _name(profile: Profile) -> str:
    return type(profile.space).__name__


def _labels(profile: Profile, diagrams: Diagrams, axes: Sequence[str]) -> str:
    """The labels that columns depend on, in words."""
    found = {diagrams.variables[ref] for axis in axes for ref in diagrams.nodes(root_of((axis,)))}
    labels = [repr(label) for place, label in enumerate(profile.encoder.values) if place in found]
    more = f" and {len(labels) - _MOST_NAMED} more" if len(labels) > _MOST_NAMED else ""
    return f"{', '.join(labels[:_MOST_NAMED])}{more}"
