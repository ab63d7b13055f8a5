"""What scores a model: the protocol of evaluators, and the rules for what they return."""

from __future__ import annotations

import copy
import math
import reprlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar, Token
from numbers import Real
from types import MappingProxyType, TracebackType
from typing import Any, ClassVar, Literal, NoReturn, Self, TypeAlias

from retiarii.errors import ExperimentError, MetricError
from retiarii.trial import Objectives, Report

Argument: TypeAlias = Literal["module", "graph", "sample"]
Metrics: TypeAlias = Mapping[str, Any] | Any

DEFAULT_METRIC = "default"
"""The name of a metric that was returned as a plain number, where no objective gives it one."""


class TrialStopped(BaseException):
    """Ends an evaluation from within `report_intermediate`, when its trial has been stopped.

    It is no `Exception`, so that training code which handles those lets it pass. Whoever catches it may tidy up, and
    raises it again: nothing that the evaluation returns or raises counts any more, and every further report raises it
    once more. An evaluation may also raise it by itself, to give its trial up.
    """


class Evaluator(ABC):
    """Scores one model at a time. It is sent to where trials run, so it has to be picklable for engines with processes.

    What it is made with may be left open: a `ValueChoice` among its attributes, or an expression over some, is searched
    together with the model space, also in dicts, lists, tuples and dataclasses. `evaluate` never sees these, but what a
    trial's sample decides.

    Attributes:
        objectives: The metrics that a search over this evaluator optimises by default.
        argument: What `evaluate` is called with: the built "module" (a `torch.nn.Module`), the "graph" (nothing is
            built), or the "sample" (a dict of its own).
    """

    objectives: Objectives = MappingProxyType({DEFAULT_METRIC: "maximize"})
    argument: Argument = "module"

    ARGUMENTS: ClassVar[tuple[Argument, ...]] = ("module", "graph", "sample")

    def searchable(self) -> Mapping[str, Any]:
        """What may be left open, by name; by default the attributes."""
        return vars(self)

    def decided(self, values: Mapping[str, Any]) -> Self:
        """A copy with these values in place of what was left open.

        Args:
            values: For some of the names of `searchable()`.
        """
        twin = copy.copy(self)
        vars(twin).update(values)
        return twin

    @abstractmethod
    def evaluate(self, model: Any) -> Metrics:
        """The metrics of a model: numbers by name, every objective among them; or one number, for one objective.

        A number is an int, a float, a numpy scalar or a tensor without dimensions, and finite. Whatever else is
        returned, and whatever is raised, makes the trial a failed one.
        """


def check_metrics(value: Metrics, objectives: Objectives, costs: Sequence[str] = ()) -> dict[str, float]:
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
    if isinstance(value, Mapping):
        return _with_objectives(_numbers(value, "metric"), objectives, costs)
    if len(objectives) > 1:
        raise MetricError(
            f"the evaluator returned {_described(value)}; expected a mapping with the objectives "
            f"{_listed(objectives)}{_cost_hint(costs)}"
        )
    (name,) = objectives
    return {name: _number(value, f"metric {name!r}")}


def reported_metrics(report: Report, objectives: Objectives) -> dict[str, float]:
    """What a report says, as metrics with the objectives first; empty if one of the objectives is missing.

    A number is the metric of the only objective.
    """
    if not isinstance(report, Mapping):
        return dict.fromkeys(objectives, report) if len(objectives) == 1 else {}
    metrics = _default_named(report, objectives)
    return _sorted(metrics, objectives) if objectives.keys() <= metrics.keys() else {}


def report_intermediate(value: Metrics) -> None:
    """Records a value on the way of an evaluation, such as the accuracy after each epoch; call it inside `evaluate`.

    Args:
        value: A number, or a mapping of names to numbers, as an evaluator may return them.

    Raises:
        MetricError: the value is no finite number.
        TrialStopped: the trial has been stopped, by a stopper say; let it pass.
        ExperimentError: no evaluation is running in this thread, or it is over.
    """
    reporting = _reporting.get()
    if reporting is None or reporting.is_over:
        raise ExperimentError(
            f"report_intermediate({reprlib.repr(value)}) was called outside an evaluation; "
            "call it in what an evaluator runs, in the thread that runs it, before it returns"
        )
    reporting.report(value)


class Reporting:
    """While it is active, `receive` gets what `report_intermediate` is called with. For engines::

        with Reporting(receive) as reporting:
            ...  # evaluate; then look at reporting.is_stopped

    `receive` raises `TrialStopped` to stop the trial. Any other error in it is not the evaluation's: that is ended like
    one that was stopped, and the error is raised as it is on leaving.

    Attributes:
        is_stopped: Whether the trial has been stopped.
        is_over: Whether the evaluation has ended, so that nothing can be reported any more.
    """

    def __init__(self, receive: Callable[[Report], None]) -> None:
        self.is_stopped = False
        self.is_over = False
        self._receive = receive
        self._count = 0
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        self._token: Token[Reporting | None] = _reporting.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.is_over = True
        _reporting.reset(self._token)
        if error is None and self._error is not None:
            raise self._error

    def report(self, value: Metrics) -> None:
        """Hands on a value, checked; see `report_intermediate`."""
        if self.is_stopped:
            self._stop()
        self._count += 1
        place = f"intermediate report {self._count}"
        report = _numbers(value, place) if isinstance(value, Mapping) else _number(value, place)
        try:
            self._receive(report)
        except TrialStopped:
            self._stop()
        except BaseException as error:  # noqa: BLE001  (raised on leaving, past whatever the evaluation catches)
            self._error = error
            self._stop()

    def _stop(self) -> NoReturn:
        self.is_stopped = True
        raise TrialStopped("the trial has been stopped") from None


_reporting: ContextVar[Reporting | None] = ContextVar("reporting", default=None)


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


def _numbers(values: Mapping[Any, Any], place: str) -> dict[str, float]:
    for name in values:
        if not isinstance(name, str):
            raise MetricError(f"{place}: the name {_described(name)} is no text")
    return {name: _number(value, f"{place} {name!r}") for name, value in values.items()}


def _number(value: Any, place: str) -> float:
    plain = value.item() if getattr(value, "ndim", None) == 0 and callable(getattr(value, "item", None)) else value
    if isinstance(plain, bool) or not isinstance(plain, Real):
        raise MetricError(f"{place} is {_described(value)}; expected a finite number")
    try:
        number = float(plain)
    except OverflowError:
        raise MetricError(f"{place} is {_described(value)}; expected a number that a float can hold") from None
    if not math.isfinite(number):
        raise MetricError(f"{place} is {number} ({_type_name(value)}); expected a finite number")
    return number


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
