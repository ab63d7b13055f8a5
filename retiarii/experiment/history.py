"""The trials of an experiment, and the best of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from retiarii.errors import ExperimentError
from retiarii.experiment import plots, weight_plots
from retiarii.experiment.held import HeldTrials, Source
from retiarii.experiment.plan import Plan
from retiarii.experiment.reader import Reader
from retiarii.experiment.rows import Run
from retiarii.experiment.weights import EpochWeights
from retiarii.trial import ENDED, Objectives, State, Trial

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class History:
    """Trials by number, with what is best among them. Those of a record are read anew whenever they are asked for.

    Args:
        objectives: What is best; the first one counts.
        trials: In any order; or where they lie.
    """

    def __init__(self, objectives: Objectives, trials: Iterable[Trial] | Source = ()) -> None:
        self.objectives = objectives
        self._source: Source = trials if isinstance(trials, Reader) else HeldTrials(trials)

    def __len__(self) -> int:
        return self._source.counts().total()

    def __iter__(self) -> Iterator[Trial]:
        """By number; all of them never lie in memory at a time."""
        return iter(self._source)

    def __getitem__(self, number: int) -> Trial:
        trial = self._source.trial(number)
        if trial is None:
            raise KeyError(number)
        return trial

    @property
    def trials(self) -> list[Trial]:
        """All trials, by number."""
        return list(self._source)

    @property
    def counts(self) -> Mapping[State, int]:
        """How many trials are in a state; 0 for a state that none is in."""
        return self._source.counts()

    @property
    def ended(self) -> int:
        """How many trials have ended, in whatever way."""
        counts = self._source.counts()
        return sum(counts[state] for state in ENDED)

    @property
    def best(self) -> Trial | None:
        """The completed trial with the best metric of the primary objective, the first if there are several."""
        return next(iter(self.top(1)), None)

    def top(self, k: int = 1) -> list[Trial]:
        """The `k` best completed trials, or as many as there are, the best first."""
        if k < 1:
            raise ExperimentError(f"top({k}): give a number from 1")
        return self._source.best(k, next(iter(self.objectives.values()), "minimize"))

    def failures(self, k: int = 1) -> list[Trial]:
        """The `k` trials that failed last, or as many as there are, the last first."""
        return self._source.failures(k)

    @property
    def weights(self) -> list[EpochWeights]:
        """How much each candidate counted after each epoch of a supernet's training."""
        return self._source.weights()

    @property
    def plan(self) -> Plan | None:
        """What was searched, as recorded; None if nothing is."""
        return self._source.plan()

    @property
    def runs(self) -> list[Run]:
        """Every run of the experiment, from the first, as recorded."""
        return self._source.runs()

    @property
    def seconds(self) -> float:
        """How long all runs of the experiment took together, as far as is recorded."""
        return sum([run.seconds for run in self.runs])

    def pareto_front(self) -> list[Trial]:
        """The completed trials that no other one beats in all objectives, the best in the primary one first.

        Of trials with the same values only the first is in it.
        """
        from retiarii.experiment.front import pareto_front  # noqa: PLC0415  few searches need moocore

        return pareto_front(self._source, self.objectives)

    def hypervolume(self, reference: Mapping[str, float]) -> float:
        """How much the completed trials dominate, up to a reference point; see `retiarii.experiment.front`.

        Args:
            reference: For each objective the value, in its own unit, that is just not worth having any more, as in
                `{"accuracy": 80.0, "latency": 12.0}`.

        Raises:
            ExperimentError: the reference lacks an objective, names another, or has a value that is no finite number.
        """
        from retiarii.experiment.front import hypervolume  # noqa: PLC0415  few searches need moocore

        return hypervolume(self._source, self.objectives, reference)

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

    def __repr__(self) -> str:
        states = ", ".join(f"{count} {state}" for state, count in self.counts.items() if count)
        return f"History({states or 'no trials'})"
