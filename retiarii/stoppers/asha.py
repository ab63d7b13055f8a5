"""Asynchronous successive halving."""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass, field

from retiarii.errors import ExperimentError
from retiarii.stopper import Stopper
from retiarii.stoppers.watched import Watched, integer
from retiarii.trial import Direction, Objectives, Trial


class ASHA(Stopper):
    """Lets the best of those that came equally far go on: a trial needs to be ever better to be given ever more.

    The rungs are at `min_reports`, and at each power of `reduction_factor` times that. At a rung a trial is stopped
    unless it is among the best 1 in `reduction_factor` of those that have reported there, itself included, rounded
    down; the best of all, and whoever is as good as the last of these, goes on. Nobody waits for others, so the first
    to come to a rung go on whatever they are worth.

    Source: Li et al., "A System for Massively Parallel Hyperparameter Tuning" (MLSys 2020), section 3, in the form that
    stops trials where they are instead of pausing and promoting them.

    Report all objectives that the evaluator returns, not the one alone that is looked at: a stopped trial whose last
    report lacks one has no metrics, so that strategies learn nothing of it.

    Args:
        min_reports: The reports up to the first rung.
        reduction_factor: Of how many trials one goes on, from 2; 4 in the paper.
        max_reports: The reports of a trial that runs to its end: no rung lies there or beyond, because stopping would
            save nothing. By default there is no last rung.
        metric: The name of what is looked at; by default the primary objective, which a plain number means, too.
        direction: "maximize" or "minimize", for a metric that is no objective.

    Raises:
        ExperimentError: an argument is unusable, or (when a trial reports) a report lacks the metric.
    """

    def __init__(
        self,
        *,
        min_reports: int = 1,
        reduction_factor: int = 4,
        max_reports: int | None = None,
        metric: str | None = None,
        direction: Direction | None = None,
    ) -> None:
        self.min_reports = integer("ASHA", "min_reports", min_reports)
        self.reduction_factor = integer("ASHA", "reduction_factor", reduction_factor, least=2)
        self.max_reports = None if max_reports is None else integer("ASHA", "max_reports", max_reports)
        if self.max_reports is not None and self.max_reports <= self.min_reports:
            raise ExperimentError(
                f"ASHA has max_reports={max_reports} and min_reports={min_reports}, so it would never stop a trial; "
                "let trials report more often, or lower min_reports"
            )
        self.metric = metric
        self.direction = direction

    def bind(self, objectives: Objectives) -> None:
        super().bind(objectives)
        self._watched = Watched.by(self, self.metric, self.direction)
        self._rungs: dict[int, _Rung] = {}

    def should_stop(self, trial: Trial) -> bool:
        score = self._watched.score(trial)
        step = len(trial.intermediates)
        if step not in self._steps(step):
            return False
        rung = self._rungs.setdefault(step, _Rung())
        rung.add(trial.number, score)
        return rung.better_than(score) >= max(1, len(rung.scores) // self.reduction_factor)

    def tell(self, trial: Trial) -> None:
        scores = self._watched.scores(trial)
        for step in self._steps(len(scores)):
            self._rungs.setdefault(step, _Rung()).add(trial.number, scores[step - 1])

    def _steps(self, last: int) -> list[int]:
        """The rungs up to a number of reports."""
        steps = []
        step = self.min_reports
        while step <= last and (self.max_reports is None or step < self.max_reports):
            steps.append(step)
            step *= self.reduction_factor
        return steps


@dataclass(slots=True)
class _Rung:
    """The scores of the trials that came to a rung, ascending."""

    scores: list[float] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)

    def add(self, number: int, score: float) -> None:
        if number not in self.numbers:
            self.numbers.add(number)
            insort(self.scores, score)

    def better_than(self, score: float) -> int:
        return len(self.scores) - bisect_right(self.scores, score)
