"""What has come of trials, as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from retiarii.errors import ExperimentError
from retiarii.trial import Objectives, Trial


def completed(trials: Iterable[Trial]) -> list[Trial]:
    """Those that are completed, by number."""
    return sorted([trial for trial in trials if trial.state == "completed"], key=lambda trial: trial.number)


def values(trials: Sequence[Trial], objective: str) -> NDArray[np.float64]:
    """A metric of completed trials, of shape `(trials,)`.

    Raises:
        ExperimentError: a trial has no such metric.
    """
    for trial in trials:
        if objective not in trial.metrics:
            known = ", ".join(map(repr, trial.metrics)) or "none"
            raise ExperimentError(f"trial {trial.number} has no metric {objective!r}; it has {known}")
    return np.array([trial.metrics[objective] for trial in trials], dtype=np.float64)


def costs(trials: Sequence[Trial], objectives: Objectives) -> NDArray[np.float64]:
    """The objectives of completed trials, with signs that make all of them to be minimised.

    Returns:
        Of shape `(trials, objectives)`.

    Raises:
        ExperimentError: there are no objectives, or a trial has no metric of that name.
    """
    if not objectives:
        raise ExperimentError("there are no objectives; give metrics with directions, as in {'accuracy': 'maximize'}")
    return signs(objectives) * np.column_stack([values(trials, name) for name in objectives])


def signs(objectives: Objectives) -> NDArray[np.float64]:
    """What to multiply each objective with to make it one to be minimised."""
    return np.array([-1.0 if direction == "maximize" else 1.0 for direction in objectives.values()])
