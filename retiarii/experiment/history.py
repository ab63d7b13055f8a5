"""The trials of an experiment, and the best of them."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from retiarii.errors import ExperimentError
from retiarii.experiment import plots, weight_plots
from retiarii.experiment.weights import EpochWeights
from retiarii.trial import Objectives, State, Trial

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class History:
    """Trials by number; putting one in costs the same however many there are.

    Args:
        objectives: What is best; the first one counts.
        trials: What is known already, in any order.
        weights: Of the supernet, by epoch; none where no supernet was trained.
    """

    def __init__(
        self, objectives: Objectives, trials: Iterable[Trial] = (), weights: Iterable[EpochWeights] = ()
    ) -> None:
        self.objectives = objectives
        self.weights = list(weights)
        self._sign = -1 if next(iter(objectives.values()), None) == "maximize" else 1
        self._trials: dict[int, Trial] = {}
        self._counts: Counter[State] = Counter()
        self._best: Trial | None = None
        for trial in sorted(trials, key=lambda trial: trial.number):
            self.put(trial)

    def put(self, trial: Trial) -> None:
        """Adds a trial, or what has become of one that is known."""
        known = self._trials.get(trial.number)
        if known is not None:
            self._counts[known.state] -= 1
        self._counts[trial.state] += 1
        self._trials[trial.number] = trial
        if trial.state == "completed" and (self._best is None or self._rank(trial) < self._rank(self._best)):
            self._best = trial

    def __len__(self) -> int:
        return len(self._trials)

    def __getitem__(self, number: int) -> Trial:
        return self._trials[number]

    @property
    def trials(self) -> list[Trial]:
        """All trials, by number."""
        return list(self._trials.values())

    @property
    def counts(self) -> Mapping[State, int]:
        """How many trials are in a state; 0 for a state that none is in."""
        return self._counts

    @property
    def ended(self) -> int:
        """How many trials have ended, in whatever way."""
        return self._counts["completed"] + self._counts["failed"] + self._counts["stopped"]

    @property
    def best(self) -> Trial | None:
        """The completed trial with the best metric of the primary objective, the first if there are several."""
        return self._best

    def top(self, k: int = 1) -> list[Trial]:
        """The `k` best completed trials, or as many as there are, the best first."""
        if k < 1:
            raise ExperimentError(f"top({k}): give a number from 1")
        completed = (trial for trial in self._trials.values() if trial.state == "completed")
        return heapq.nsmallest(k, completed, self._rank)

    def pareto_front(self) -> list[Trial]:
        """The completed trials that no other one beats in all objectives, the best in the primary one first.

        Of trials with the same values only the first is in it.
        """
        from retiarii.experiment.front import pareto_front  # noqa: PLC0415  few searches need moocore

        return pareto_front(self._trials.values(), self.objectives)

    def hypervolume(self, reference: Mapping[str, float]) -> float:
        """How much the completed trials dominate, up to a reference point; see `retiarii.experiment.front`.

        Args:
            reference: For each objective the value, in its own unit, that is just not worth having any more, as in
                `{"accuracy": 80.0, "latency": 12.0}`.

        Raises:
            ExperimentError: the reference lacks an objective, names another, or has a value that is no finite number.
        """
        from retiarii.experiment.front import hypervolume  # noqa: PLC0415  few searches need moocore

        return hypervolume(self._trials.values(), self.objectives, reference)

    def plot_history(self) -> Figure:
        """A picture of the primary objective, trial by trial, with the best so far; see `retiarii.experiment.plots`."""
        return plots.plot_history(self)

    def plot_pareto(self) -> Figure:
        """A picture of the objectives against each other, with the Pareto front; see `retiarii.experiment.plots`."""
        return plots.plot_pareto(self)

    def plot_importance(self) -> Figure:
        """A picture of how much each label matters for each objective; see `retiarii.experiment.plots`."""
        return plots.plot_importance(self)

    def plot_weights(self) -> Figure:
        """A picture of the architecture weights over the epochs; see `retiarii.experiment.weight_plots`."""
        return weight_plots.plot_weights(self.weights)

    def _rank(self, trial: Trial) -> tuple[float, int]:
        return (self._sign * next(iter(trial.metrics.values())), trial.number)

    def __repr__(self) -> str:
        states = ", ".join(f"{count} {state}" for state, count in self._counts.items() if count)
        return f"History({states or 'no trials'})"
