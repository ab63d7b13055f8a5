"""What scores a model: the protocol of evaluators, and how evaluations report."""

from __future__ import annotations

import copy
import reprlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, ClassVar, Literal, NoReturn, Self, TypeAlias

from retiarii.errors import ExperimentError
from retiarii.metrics import DEFAULT_METRIC, as_number, as_numbers
from retiarii.trial import Objectives, Report

Argument: TypeAlias = Literal["module", "graph", "sample"]
Metrics: TypeAlias = Mapping[str, Any] | Any


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


class Trainable(Evaluator, ABC):
    """An evaluator that trains with Lightning, in the pieces that others may train with: one-shot strategies, engines.

    Attributes:
        train_dataloaders: As the user gave them.
        val_dataloaders: As the user gave them.
        datamodule: As the user gave it.
    """

    train_dataloaders: Any
    val_dataloaders: Any
    datamodule: Any

    @abstractmethod
    def task(self, model: Any) -> Any:
        """The `LightningModule` that trains a model. Under which attribute it holds the model is its own affair."""

    @abstractmethod
    def trainer(self, *, callbacks: Sequence[Any] = (), anew: bool = True, **settings: Any) -> Any:
        """A `Trainer` with the user's arguments, quiet unless those say otherwise.

        Args:
            callbacks: Join those of the user.
            anew: Whether callbacks and loggers of the user start as they were given; else they stay as the last
                training has left them, for the user to look at.
            settings: Arguments of `Trainer` that go before the user's.
        """

    @abstractmethod
    def data(self) -> Mapping[str, Any]:
        """What `Trainer.fit` gets beside the task: `train_dataloaders` and `val_dataloaders`, or `datamodule`.

        Random generators of their own start where they stood when the evaluator was made, so that it makes no
        difference what was trained before.
        """

    @abstractmethod
    def quiet(self) -> AbstractContextManager[None]:
        """Silences what Lightning says on its way in good cases, in which it makes trainers and uses them."""

    @abstractmethod
    def metrics(self, trainer: Any) -> dict[str, float]:
        """What the task has logged, the objectives first.

        Raises:
            MetricError: an objective is not among that, or no finite number.
        """


def report_intermediate(value: Metrics) -> None:
    """Records a value on the way of an evaluation, such as the accuracy after each epoch; call it inside `evaluate`.

    Args:
        value: A number, or a mapping of names to numbers, as an evaluator may return them.

    Raises:
        MetricError: the value is no finite number.
        TrialStopped: the trial has been stopped, by a stopper say; let it pass.
        ExperimentError: no evaluation is running in this thread, or it is over.
    """
    reporting = current_reporting()
    if reporting is None:
        raise ExperimentError(
            f"report_intermediate({reprlib.repr(value)}) was called outside an evaluation; "
            "call it in what an evaluator runs, in the thread that runs it, before it returns"
        )
    reporting.report(value)


def current_reporting() -> Reporting | None:
    """What hears the evaluation that runs in this thread; None where an evaluator is called by hand."""
    reporting = _reporting.get()
    return None if reporting is None or reporting.is_over else reporting


class Reporting:
    """While it is active, `receive` gets what `report_intermediate` is called with. For engines::

        with Reporting(receive) as reporting:
            ...  # evaluate; then look at reporting.is_stopped

    `receive` raises `TrialStopped` to stop the trial. Any other error in it is not the evaluation's: that is ended like
    one that was stopped, and the error is raised as it is on leaving.

    Args:
        receive: Gets each report.
        folder: Where the evaluation may keep files; made by whoever writes there.
        objectives: Those that the evaluation has to return; by default the evaluator's.

    Attributes:
        is_stopped: Whether the trial has been stopped.
        is_over: Whether the evaluation has ended, so that nothing can be reported any more.
        files: What the evaluation has kept, as paths by what they are, such as "checkpoint".
    """

    def __init__(
        self,
        receive: Callable[[Report], None],
        folder: Path | str | None = None,
        objectives: Objectives | None = None,
    ) -> None:
        self._folder = folder
        self.objectives = objectives
        self.files: dict[str, str] = {}
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

    @property
    def folder(self) -> Path | None:
        """As given."""
        return None if self._folder is None else Path(self._folder)

    def report(self, value: Metrics) -> None:
        """Hands on a value, checked; see `report_intermediate`."""
        if self.is_stopped:
            self._stop()
        self._count += 1
        place = f"intermediate report {self._count}"
        report = as_numbers(value, place) if isinstance(value, Mapping) else as_number(value, place)
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
