"""Rules for metrics: what an evaluator may return and report."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

from retiarii.errors import MetricError
from retiarii.trial import Objectives, Report

DEFAULT_METRIC = "default"
"""The name of a metric that was returned as a plain number, where no objective gives it one."""


def check_metrics(value: Any, objectives: Objectives, costs: Sequence[str] = ()) -> dict[str, float]:
    """What an evaluator returned, as numbers by name with the objectives first.

    A number is the metric of the only objective. Where the objective is called "default" because nobody chose another,
    a mapping with a single metric gives it that metric.

    Args:
        value: what it returned.
        objectives: those that it has to return.
        costs: the names of metrics that join what it returns.

    Raises:
        MetricError: a value is no finite number, or an objective is missing.
    """
    if type(value) is not float and isinstance(value, Mapping):
        return _with_objectives(as_numbers(value, "metric"), objectives, costs)
    if len(objectives) > 1:
        raise MetricError(
            f"the evaluator returned {_described(value)}; expected a mapping with the objectives "
            f"{_listed(objectives)}{_cost_hint(costs)}"
        )
    (name,) = objectives
    return {name: as_number(value, f"metric {name!r}")}


def reported_metrics(report: Report, objectives: Objectives) -> dict[str, float]:
    """What a report says, as metrics with the objectives first; empty if one of the objectives is missing.

    A number is the metric of the only objective.
    """
    if not isinstance(report, Mapping):
        return dict.fromkeys(objectives, report) if len(objectives) == 1 else {}
    metrics = _default_named(report, objectives)
    return _sorted(metrics, objectives) if objectives.keys() <= metrics.keys() else {}


def as_numbers(values: Mapping[Any, Any], place: str) -> dict[str, float]:
    """A mapping of names to numbers of whatever kind, as floats; `place` says in errors where it stood."""
    for name in values:
        if not isinstance(name, str):
            raise MetricError(f"{place}: the name {_described(name)} is no text")
    return {name: as_number(value, f"{place} {name!r}") for name, value in values.items()}


def as_number(value: Any, place: str) -> float:
    """A number of whatever kind as a float; `place` says in errors where it stood.

    Raises:
        MetricError: it is none, or not finite.
    """
    number = value if type(value) is float else _as_float(value, place)
    if not math.isfinite(number):
        raise MetricError(f"{place} is {number} ({_type_name(value)}); expected a finite number")
    return number


def _as_float(value: Any, place: str) -> float:
    plain = value.item() if getattr(value, "ndim", None) == 0 and callable(getattr(value, "item", None)) else value
    if isinstance(plain, bool) or not isinstance(plain, Real):
        raise MetricError(f"{place} is {_described(value)}; expected a finite number")
    try:
        return float(plain)
    except OverflowError:
        raise MetricError(f"{place} is {_described(value)}; expected a number that a float can hold") from None


def _with_objectives(metrics: dict[str, float], objectives: Objectives, costs: Sequence[str]) -> dict[str, float]:
    metrics = _default_named(metrics, objectives)
    missing = [name for name in objectives if name not in metrics]
    if missing == [DEFAULT_METRIC] and metrics:
        raise MetricError(
            f"the evaluator returned the metrics {_listed(metrics)}, and nothing says which of them to optimise; give "
            f"Experiment(objectives={{{next(iter(metrics))!r}: 'maximize'}}), or return one of them as 'default'"
        )
    if missing:
        hint = _cost_hint(costs) if missing != [DEFAULT_METRIC] else ""
        raise MetricError(f"the objective {missing[0]!r} is missing; the evaluator returned {_listed(metrics)}{hint}")
    return _sorted(metrics, objectives)


def _cost_hint(costs: Sequence[str]) -> str:
    """Where else an objective may come from that the evaluator does not return."""
    if costs:
        return f", and the costs are {_listed(costs)}"
    return "; one that is known without training is given as a cost, as in Experiment(costs=[Flops(space)])"


def _default_named(metrics: Mapping[str, float], objectives: Objectives) -> dict[str, float]:
    """The metrics, a single one also as "default" where that is the only objective."""
    if [*objectives] == [DEFAULT_METRIC] and len(metrics) == 1:
        return {DEFAULT_METRIC: next(iter(metrics.values())), **metrics}
    return {**metrics}


def _sorted(metrics: Mapping[str, float], objectives: Objectives) -> dict[str, float]:
    return {**{name: metrics[name] for name in objectives}, **metrics}


def _described(value: object) -> str:
    if value is None:
        return "None"
    shape = getattr(value, "shape", None)
    dimensions = f" of shape {tuple(shape)}" if isinstance(shape, tuple) and shape else ""
    return f"{reprlib.repr(value)} ({_type_name(value)}{dimensions})"


def _type_name(value: object) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names)) or "none"
