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
    of the objectives. A trial without metrics, such as one that failed, has no score.

    Args:
        score: The weight of each metric in a sum, or a function of the metrics.

    Raises:
        ExperimentError: it is neither; or (when the search starts) no objective has a weight; or (when a trial has
            ended) the metrics lack one that has a weight, the function fails, or the number is not finite.
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
        metrics = {"score": self._scored(trial)} if trial.metrics else {}
        self.inner.tell(replace(trial, metrics=metrics))

    def _scored(self, trial: Trial) -> float:
        try:
            score = self._of(trial.metrics)
        except Exception as error:
            raise ExperimentError(
                f"Scalarized has no score for trial {trial.number}, whose metrics are {dict(trial.metrics)}: "
                f"{type(error).__name__}: {error}"
            ) from error
        if not math.isfinite(score):
            raise ExperimentError(
                f"Scalarized made {score} of the metrics {dict(trial.metrics)} of trial {trial.number}; "
                "it must be a finite number"
            )
        return score

    def _of(self, metrics: Mapping[str, float]) -> float:
        if isinstance(self.score, Mapping):
            return sum([weight * metrics[name] for name, weight in self.score.items()])
        return float(self.score(metrics))
