"""What trials cost, found out in the experiment's own process, beside the metrics that evaluators return."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from retiarii.domain import Sample
from retiarii.domain.constraint import Cost
from retiarii.errors import ExperimentError, ProfileError
from retiarii.metrics import reported_metrics
from retiarii.trial import Objectives, Trial


class Priced:
    """Adds costs to the metrics of trials.

    Args:
        costs: cost models of the space.
        objectives: of the search.
        usual: the evaluator's own objectives.

    Attributes:
        left_to_evaluator: the objectives that evaluators have to return; their own, where all of the search are costs.
    """

    def __init__(self, costs: Sequence[Cost], objectives: Objectives, usual: Objectives) -> None:
        names = {cost.name for cost in costs}
        left = {name: direction for name, direction in objectives.items() if name not in names}
        self.left_to_evaluator: Objectives = left or usual
        self._costs = costs
        self._objectives = objectives
        self._known: dict[int, dict[str, float]] = {}

    def price(self, trial: Trial, sample: Sample) -> None:
        """Find out what a trial that is about to run costs.

        Args:
            trial: It is about to run.
            sample: What it decides of the space.

        Raises:
            ProfileError: a cost is no finite number.
            Exception: whatever a cost raises.
        """
        self._known[trial.number] = {cost.name: _number(cost, sample) for cost in self._costs}

    def joined(self, trial: Trial, metrics: Mapping[str, float]) -> dict[str, float]:
        """The metrics with the costs, the objectives first.

        Raises:
            ExperimentError: the evaluator returned a metric of the name of a cost.
        """
        costs = self._known.pop(trial.number)
        both = costs.keys() & metrics.keys()
        if both:
            name = min(both)
            raise ExperimentError(
                f"the evaluator returned the metric {name!r} for trial {trial.number}, which is the name of a cost: "
                "return it under another name, or leave the cost out"
            )
        return self._together(metrics, costs)

    def reported(self, trial: Trial) -> dict[str, float]:
        """The metrics of a trial that was stopped: what it reported last, with the costs, the objectives first.

        Empty if that lacks one of the objectives that are left to the evaluator.
        """
        costs = self._known.pop(trial.number)
        metrics = reported_metrics(trial.intermediates[-1], self.left_to_evaluator) if trial.intermediates else {}
        return self._together(metrics, costs) if metrics else {}

    def forget(self, trial: Trial) -> None:
        """Drops what is known of a trial that has come to nothing."""
        self._known.pop(trial.number, None)

    def _together(self, metrics: Mapping[str, float], costs: Mapping[str, float]) -> dict[str, float]:
        together = {**metrics, **costs}
        return {**{name: together[name] for name in self._objectives if name in together}, **together}


def _number(cost: Cost, sample: Sample) -> float:
    found: float = cost([dict(sample)])[0].item()
    if not math.isfinite(found):
        raise ProfileError(f"the cost {cost.name!r} is {found}; it must be a finite number")
    return found
