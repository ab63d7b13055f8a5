"""The median stopping rule."""

from __future__ import annotations

from bisect import insort
from itertools import accumulate

from retiarii.stopper import Stopper
from retiarii.stoppers.watched import Watched, integer
from retiarii.trial import Direction, Objectives, Trial


class MedianRule(Stopper):
    """Stops a trial whose best value so far is worse than the median of what completed trials were like by then.

    What a completed trial was like by its n-th report is the average of its first n reports; those with fewer reports
    are not looked at. It assumes nothing about the form of the curves.

    Source: Golovin et al., "Google Vizier" (KDD 2017), section 3.2.1.

    Report all objectives that the evaluator returns, not the one alone that is looked at: a stopped trial whose last
    report lacks one has no metrics, so that strategies learn nothing of it.

    Args:
        warmup: After how many reports a trial can be stopped at the earliest, less one.
        min_trials: How many completed trials with as many reports it takes.
        metric: The name of what is looked at; by default the primary objective, which a plain number means, too.
        direction: "maximize" or "minimize", for a metric that is no objective.

    Raises:
        ExperimentError: an argument is unusable, or (when a trial reports) a report lacks the metric.
    """

    def __init__(
        self, *, warmup: int = 0, min_trials: int = 5, metric: str | None = None, direction: Direction | None = None
    ) -> None:
        self.warmup = integer("MedianRule", "warmup", warmup, least=0)
        self.min_trials = integer("MedianRule", "min_trials", min_trials)
        self.metric = metric
        self.direction = direction

    def bind(self, objectives: Objectives) -> None:
        super().bind(objectives)
        self._watched = Watched.by(self, self.metric, self.direction)
        self._averages: list[list[float]] = []
        self._best: dict[int, tuple[int, float]] = {}

    def should_stop(self, trial: Trial) -> bool:
        score = self._watched.score(trial)
        step = len(trial.intermediates)
        reports, best = self._best.get(trial.number, (0, score))
        best = max(best, score) if reports == step - 1 else max(self._watched.scores(trial))
        self._best[trial.number] = step, best
        averages = self._averages[step - 1] if step <= len(self._averages) else []
        if step <= self.warmup or len(averages) < self.min_trials:
            return False
        return best < _median(averages)

    def tell(self, trial: Trial) -> None:
        self._best.pop(trial.number, None)
        if trial.state != "completed":
            return
        for step, total in enumerate(accumulate(self._watched.scores(trial)), start=1):
            if step > len(self._averages):
                self._averages.append([])
            insort(self._averages[step - 1], total / step)


def _median(ascending: list[float]) -> float:
    count = len(ascending)
    return (ascending[(count - 1) // 2] + ascending[count // 2]) / 2
