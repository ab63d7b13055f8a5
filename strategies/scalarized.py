"""Several objectives made one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from retiarii.domain import Domain
from retiarii.errors import ExperimentError
from retiarii.strategies.middleware import Middleware
from retiarii.strategy import Objectives
from retiarii.trial import Trial


class Scalarized(Middleware):
    """Lets a strategy with one objective search for several, by a number made of all metrics of a trial::

        Chain(TPE(), Scalarized({"accuracy": 1.0, "flops": -1e-10}))
        Chain(TPE(), Scalarized(lambda metrics: metrics["accuracy"] * (metrics["latency"] / 20) ** -0.07))

    The second is the reward of MnasNet (Tan et al. 2019, section 3.1). The number is maximised, whatever the directions
    of the objectives. A trial without all metrics of the weights, such as one that failed, has none.

    Args:
        score: The weight of each metric in a sum, or a function of the metrics.

    Raises:
        ExperimentError: it is neither; or (when the search starts) no objective has a weight; or (when a trial has
            ended) the number is not finite.
    """

    def __init__(self, score: Mapping[str, float] | Callable[[Mapping[str, float]], float]) -> None:
        if not callable(score) and not (isinstance(score, Mapping) and score):
            raise ExperimentError(f"Scalarized takes weights by metric or a function of metrics, not {score!r}")
        self.score = score

    def bind(self, domain: Domain, objectives: Objectives, seed: int) -> None:
        if isinstance(self.score, Mapping) and not self.score.keys() & objectives.keys():
            raise ExperimentError(f"Scalarized weighs {[*self.score]}, and the objectives are {[*objectives]}")
        super(Middleware, self).bind(domain, objectives, seed)
        self.inner.bind(domain, {"score": "maximize"}, seed)

    def tell(self, trial: Trial) -> None:
        super(Middleware, self).tell(trial)
        self.inner.tell(replace(trial, metrics=self._scored(trial.metrics)))

    def _scored(self, metrics: Mapping[str, float]) -> dict[str, float]:
        if not metrics:
            return {}
        if not isinstance(self.score, Mapping):
            score = float(self.score(metrics))
        elif self.score.keys() <= metrics.keys():
            score = sum([weight * metrics[name] for name, weight in self.score.items()])
        else:
            return {}
        if not math.isfinite(score):
            raise ExperimentError(f"Scalarized made {score} of the metrics {dict(metrics)}; it must be a finite number")
        return {"score": score}
