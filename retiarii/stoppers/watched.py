"""The metric that a stopper looks at."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from typing import Any, Self, get_args

from retiarii.errors import ExperimentError
from retiarii.metrics import reported_metrics
from retiarii.stopper import Stopper
from retiarii.trial import Direction, Report, Trial


@dataclass(frozen=True, slots=True)
class Watched:
    """A reported metric as a score: larger is better, whatever the direction."""

    stopper: str
    name: str
    sign: float
    is_plain: bool
    """Whether a report that is a plain number is this metric."""

    @classmethod
    def by(cls, stopper: Stopper, metric: str | None, direction: Direction | None) -> Self:
        """What a bound stopper looks at.

        Args:
            stopper: It knows the objectives.
            metric: A name; by default the primary objective.
            direction: That of a metric that is no objective.

        Raises:
            ExperimentError: the direction is unknown, or is not that of the objective.
        """
        objectives, kind = stopper.objectives, type(stopper).__name__
        primary = next(iter(objectives))
        name = primary if metric is None else metric
        given = objectives.get(name, direction)
        if given not in get_args(Direction):
            raise ExperimentError(
                f"{kind} has metric={name!r}, which is none of the objectives ({', '.join(map(repr, objectives))}), "
                f"and direction={direction!r}; give direction='maximize' or 'minimize'"
            )
        if direction is not None and direction != given:
            raise ExperimentError(f"{kind} has direction={direction!r}, but the objective {name!r} is to {given}")
        return cls(kind, name, 1.0 if given == "maximize" else -1.0, name == primary)

    def score(self, trial: Trial) -> float:
        """The score of the last report of a trial.

        Raises:
            ExperimentError: the report does not have the metric.
        """
        report = trial.intermediates[-1]
        score = self._score(report)
        if score is None:
            raise ExperimentError(
                f"trial {trial.number} reported {reprlib.repr(report)}, and {self.stopper} looks at {self.name!r}: "
                f"report it, too, or give {self.stopper}(metric=...) the name of what is reported"
            )
        return score

    def scores(self, trial: Trial) -> list[float]:
        """The scores of all reports of a trial; none if one of them does not have the metric."""
        scores = [self._score(report) for report in trial.intermediates]
        return [score for score in scores if score is not None] if None not in scores else []

    def _score(self, report: Report) -> float | None:
        if self.is_plain:
            value = reported_metrics(report, {self.name: "maximize"}).get(self.name)
        else:
            value = report.get(self.name) if not isinstance(report, float | int) else None
        return None if value is None else self.sign * value


def integer(kind: str, name: str, value: Any, least: int = 1) -> int:
    """`value`, an argument of a stopper, which is an integer from `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ExperimentError(f"{kind} has {name}={value!r}; give an integer from {least}")
    return value
