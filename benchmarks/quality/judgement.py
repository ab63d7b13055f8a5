"""Means with intervals, comparisons, and whether the targets are met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from quality.algorithms import ALGORITHMS, RANDOM
from quality.runs import Run

RESAMPLES = 10_000
AT = 200
"""The number of evaluations at which targets are held."""

SIGNIFICANT = 0.01
BETTER_THAN_RANDOM = ("RegularizedEvolution", "TPE", "PolicyBasedRL", "LocalSearch")
MOST_REGRET = {("macro", "RegularizedEvolution"): 0.02, ("nb201", "RegularizedEvolution"): 0.27}


class Judgement:
    """What the runs of one task say.

    Args:
        runs: All runs of one task.
        measure: Of the task.
    """

    def __init__(self, runs: Sequence[Run], measure: str) -> None:
        self._task, self._measure = runs[0].task, measure
        self._sign = 1 if measure == "regret" else -1
        self._curves: dict[str, dict[int, NDArray[np.float64]]] = {}
        for name in dict.fromkeys(run.algorithm for run in runs):
            curves = [run.curve for run in runs if run.algorithm == name]
            self._curves[name] = {moment: np.array([curve[moment] for curve in curves]) for moment in curves[0]}

    @property
    def algorithms(self) -> tuple[str, ...]:
        return tuple(self._curves)

    def band(self, name: str) -> tuple[list[int], NDArray[np.float64], NDArray[np.float64]]:
        """An algorithm's moments, means, and the two ends (2, moments) of their intervals."""
        curve = self._curves[name]
        ends = np.array([interval(resampled_means(values)) for values in curve.values()])
        return [*curve], np.array([values.mean() for values in curve.values()]), ends.T

    def results(self, budgets: Sequence[int]) -> Iterator[dict[str, Any]]:
        """The mean of every algorithm at every budget."""
        for name, curve in self._curves.items():
            yield {
                "task": self._task,
                "algorithm": name,
                "measure": self._measure,
                "seeds": len(next(iter(curve.values()))),
                "mean": {budget: _rounded(curve[budget].mean()) for budget in budgets},
                "interval": {budget: _rounded_pair(interval(resampled_means(curve[budget]))) for budget in budgets},
            }

    def comparisons(self, budgets: Sequence[int]) -> Iterator[dict[str, Any]]:
        """Each of ours against each of its references, and against random search."""
        for name, curve in self._curves.items():
            for reference in ALGORITHMS[name].references:
                if reference in self._curves:
                    yield from [self._compared(name, reference, budget) for budget in budgets]
            if ALGORITHMS[name].ours and name != "Random" and AT in curve and RANDOM in self._curves:
                yield self._against_random(name)

    def _compared(self, name: str, reference: str, budget: int) -> dict[str, Any]:
        ours, theirs = self._curves[name][budget], self._curves[reference][budget]
        difference = self._sign * (ours.mean() - theirs.mean())
        low, high = interval(self._sign * (resampled_means(ours, 1) - resampled_means(theirs, 2)))
        return {
            "task": self._task,
            "algorithm": name,
            "against": reference,
            "budget": budget,
            "worse_by": _rounded(difference),
            "interval": _rounded_pair((low, high)),
            "verdict": "worse" if low > 0 else "better" if high < 0 else "no difference seen",
        }

    def _against_random(self, name: str) -> dict[str, Any]:
        ours, random = self._sign * self._curves[name][AT], self._sign * self._curves[RANDOM][AT]
        return {
            "task": self._task,
            "algorithm": name,
            "against": RANDOM,
            "budget": AT,
            "p_one_sided": float(f"{mannwhitneyu(ours, random, alternative='less').pvalue:.2g}"),
        }

    def gates(self, comparisons: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The targets, and whether they are met."""
        for row in comparisons:
            if row["budget"] != AT:
                continue
            name, against = row["algorithm"], row["against"]
            head = {"task": self._task, "algorithm": name}
            if "verdict" in row:
                yield {**head, "gate": f"not worse than {against} at {AT}", "holds": row["verdict"] != "worse"}
            if "verdict" in row and against.startswith("pymoo"):
                yield {**head, "gate": f"mean hypervolume at least that of {against}", "holds": row["worse_by"] <= 0}
            if "p_one_sided" in row and name in BETTER_THAN_RANDOM:
                yield {
                    **head,
                    "gate": f"better than random search at {AT}, p < {SIGNIFICANT}",
                    "holds": row["p_one_sided"] < SIGNIFICANT,
                }
        for (task, name), most in MOST_REGRET.items():
            if task == self._task and AT in self._curves.get(name, {}):
                regret = self._curves[name][AT].mean()
                yield {
                    "task": task,
                    "algorithm": name,
                    "gate": f"mean regret at {AT} at most {most}",
                    "holds": bool(regret <= most),
                }


def resampled_means(values: NDArray[np.float64], seed: int = 0) -> NDArray[np.float64]:
    """The means of bootstrap resamples."""
    picks = np.random.default_rng(seed).integers(len(values), size=(RESAMPLES, len(values)))
    return values[picks].mean(axis=1)  # type: ignore[no-any-return]


def interval(means: NDArray[np.float64]) -> tuple[float, float]:
    """Where 95 % of them lie."""
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def _rounded(value: float) -> float:
    return round(float(value), 4)


def _rounded_pair(pair: tuple[float, float]) -> list[float]:
    return [_rounded(pair[0]), _rounded(pair[1])]
