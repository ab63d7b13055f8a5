"""The score of a trial, for strategies with one objective."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from retiarii.errors import ExperimentError
from retiarii.strategy import Strategy
from retiarii.trial import Trial

Score: TypeAlias = Callable[[Trial], float | None]


def single_objective(strategy: Strategy) -> Score:
    """The score by the only objective of a bound strategy: larger is better, None where a trial has no metric.

    Raises:
        ExperimentError: there are several objectives.
    """
    if len(strategy.objectives) > 1:
        name, listed = type(strategy).__name__, ", ".join(map(repr, strategy.objectives))
        raise ExperimentError(
            f"{name} optimises one objective, and there are {len(strategy.objectives)}: {listed}; make them one with "
            f"Chain({name}(), Scalarized(...)), use NSGA2, or give all but one as costs only"
        )
    ((objective, direction),) = strategy.objectives.items()
    sign = 1.0 if direction == "maximize" else -1.0

    def score(trial: Trial) -> float | None:
        value = trial.metrics.get(objective)
        return None if value is None else sign * value

    return score
