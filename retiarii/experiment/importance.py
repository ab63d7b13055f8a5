"""How much each choice matters for a metric, as far as the trials tell."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from retiarii.domain import Value
from retiarii.domain.value import identity
from retiarii.experiment.outcomes import completed, values
from retiarii.trial import Trial

_MOST_NUMBERS = 8
_PER_BIN = 5


def label_importance(trials: Iterable[Trial], objective: str) -> dict[str, float]:
    """The share of a metric's variance that each label explains alone: from 0, no influence, to 1, all of it.

    The trials are grouped by the label's value, and the variance between the groups is set against all variance. What
    chance alone would give is taken off (epsilon squared: Kelley, "An unbiased correlation ratio measure", 1935), so
    that labels with many values gain nothing by that. A label with more than 8 different numbers is cut into bins with
    as many trials each, 8 of them or fewer where these would have less than 5 trials.

    A conditional label is looked at among the trials in which it is active, and what it explains there is set against
    the variance among all trials.

    Shares need not add up to 1: labels that work only together explain little alone, and where a search went on with
    what was good, its labels move together and share credit. A few dozen random trials tell most.

    Args:
        trials: Only the completed ones count.
        objective: The metric to explain.

    Returns:
        By label, the most important first.

    Raises:
        ExperimentError: a completed trial has no such metric.
    """
    known = completed(trials)
    samples, metrics = [trial.sample for trial in known], _spread_out(values(known, objective))
    total = _variation(metrics)
    shares: dict[str, float] = {}
    for label in dict.fromkeys(label for sample in samples for label in sample):
        active = [index for index, sample in enumerate(samples) if label in sample]
        groups = _groups([samples[index][label] for index in active])
        shares[label] = max(0.0, _explained(metrics[active], groups) / total) if total > 0 else 0.0
    return dict(sorted(shares.items(), key=lambda share: -share[1]))


def _spread_out(metrics: NDArray[np.float64]) -> NDArray[np.float64]:
    """Moved and stretched to lie from 0 to 1, which changes no share and loses no digits; zeros if all are equal."""
    if not len(metrics):
        return metrics
    _, exponent = np.frexp(np.abs(metrics).max())
    metrics = np.ldexp(metrics, -exponent)
    extent = float(metrics.max() - metrics.min())
    spread: NDArray[np.float64] = (metrics - metrics.min()) / (extent if extent > 0 else 1.0)
    return spread


def _groups(decisions: Sequence[Value]) -> NDArray[np.intp]:
    """For each value the number of its group."""
    amounts = [value for value in decisions if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(amounts) == len(decisions) and len(set(amounts)) > _MOST_NUMBERS:
        bins = max(2, min(_MOST_NUMBERS, len(amounts) // _PER_BIN))
        ordered = sorted(amounts)
        edges = [ordered[(len(ordered) - 1) * step // bins] for step in range(1, bins)]
        return np.array([bisect_left(edges, amount) for amount in amounts], dtype=np.intp)
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(identity(value), len(known)) for value in decisions], dtype=np.intp)


def _explained(metrics: NDArray[np.float64], groups: NDArray[np.intp]) -> float:
    """The sum of squares that groups explain beyond what as many random ones would on average."""
    sizes = np.bincount(groups)
    freedom = len(metrics) - np.count_nonzero(sizes)
    if freedom == 0:
        return 0.0
    means = np.bincount(groups, metrics) / np.maximum(sizes, 1)
    within = float(np.square(metrics - means[groups]).sum())
    return _variation(metrics) - within - (np.count_nonzero(sizes) - 1) * within / freedom


def _variation(metrics: NDArray[np.float64]) -> float:
    return float(np.square(metrics - metrics.mean()).sum()) if len(metrics) else 0.0
