"""What several objectives leave open: the Pareto front of a search, and the hypervolume that it dominates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import moocore
import numpy as np
from numpy.typing import NDArray

from retiarii.errors import ExperimentError
from retiarii.experiment.outcomes import completed, costs, signs
from retiarii.trial import Objectives, Trial

_AT_A_TIME = 5000
"""Trials of a long search never lie in memory together."""


def pareto_front(trials: Iterable[Trial], objectives: Objectives) -> list[Trial]:
    """The completed trials that no other one beats: none is as good in all objectives and better in one.

    Of trials with the same values the one with the lowest number stands for all. With one objective this is the best.

    Args:
        trials: Trials in any order; only the completed ones count.
        objectives: The metrics that count, each with its direction, the primary one first.

    Returns:
        By the primary objective, the best first.

    Raises:
        ExperimentError: there are no objectives, or a completed trial has no metric of that name.
    """
    front: list[Trial] = []
    several = iter(trials)
    while batch := list(islice(several, _AT_A_TIME)):
        front = _front([*front, *batch], objectives)
    return _front(front, objectives)


def _front(trials: Sequence[Trial], objectives: Objectives) -> list[Trial]:
    candidates = completed(trials)
    points = costs(candidates, objectives)
    front = np.flatnonzero(moocore.is_nondominated(points))
    return [candidates[place] for place in front[np.argsort(points[front, 0], kind="stable")]]


def hypervolume(trials: Iterable[Trial], objectives: Objectives, reference: Mapping[str, float]) -> float:
    """How much the completed trials dominate, up to a reference point: the more, the better.

    It is an area for two objectives, a volume for three, in the product of the objectives' own units. It grows with
    every trial on the front, so it compares searches that have the same reference. A trial that is not better than the
    reference in every objective adds nothing.

    Args:
        trials: Trials in any order; only the completed ones count.
        objectives: The metrics that count, each with its direction.
        reference: For each objective the value, in its own unit, that is just not worth having any more.

    Raises:
        ExperimentError: the reference lacks an objective, names another, or has a value that is no finite number; or
            as for `pareto_front`.
    """
    points = costs(completed(trials), objectives)
    return float(moocore.hypervolume(points, ref=signs(objectives) * _checked(reference, objectives)))


def _checked(reference: Mapping[str, float], objectives: Objectives) -> NDArray[np.float64]:
    """The reference point in the order of the objectives."""
    names = ", ".join(map(repr, objectives))
    for name in objectives:
        if name not in reference:
            raise ExperimentError(f"the reference has no value for {name!r}; give one for each of {names}")
    for name, value in reference.items():
        if name not in objectives:
            raise ExperimentError(f"the reference has {name!r}, which is no objective; those are {names}")
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not math.isfinite(value):
            raise ExperimentError(f"the reference has {value!r} for {name!r}; give a finite number")
    return np.array([reference[name] for name in objectives], dtype=np.float64)
