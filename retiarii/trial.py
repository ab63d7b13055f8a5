"""A trial: one sample of a model space, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NoReturn, Self, TypeAlias

from retiarii.domain import Sample
from retiarii.errors import ExperimentError

State: TypeAlias = Literal["waiting", "running", "completed", "failed", "stopped", "interrupted"]
Direction: TypeAlias = Literal["maximize", "minimize"]
Objectives: TypeAlias = Mapping[str, Direction]
"""What a search is about: the metric of each objective and its direction. The first objective is the primary one."""

Report: TypeAlias = float | Mapping[str, float]
"""What an evaluation reports on its way: a number, or several with names."""

ENDED: frozenset[State] = frozenset({"completed", "failed", "stopped"})

_TRACEBACK = "Traceback (most recent call last)"

_FOLLOWS: Mapping[State, frozenset[State]] = {
    "waiting": frozenset({"running", "failed", "stopped", "interrupted"}),
    "running": frozenset({"completed", "failed", "stopped", "interrupted"}),
    "interrupted": frozenset({"waiting", "failed"}),
    "completed": frozenset(),
    "failed": frozenset(),
    "stopped": frozenset(),
}


class FixedSample(dict[str, Any]):
    """A sample that can't be changed; copies of it can."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("the sample of a trial can't be changed, since it is recorded; change a copy: {**trial.sample}")

    __setitem__ = __delitem__ = __ior__ = update = setdefault = pop = popitem = clear = _refuse

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, ({**self},)


@dataclass(frozen=True, slots=True, repr=False)
class Trial:
    """One sample and its outcome. A change of state is a new value: `trial = trial.completed({"accuracy": 0.9})`.

    The states: `waiting → running → completed | failed | stopped`; a trial whose search was cut off is `interrupted`,
    and `waiting` again when the search goes on, or `failed` when that has happened too often.
    """

    number: int
    """Counts the trials of an experiment from 0, in the order in which they were proposed."""

    sample: Sample
    """A dict that can't be changed, since it is recorded; `{**trial.sample}` is one that can."""

    state: State = "waiting"
    metrics: Mapping[str, float] = field(default_factory=dict)
    """By name; the objectives come first, in their order. For a completed trial those returned, with the costs.

    For a stopped one what it reported last, with costs, if that says all that the evaluator has to return; otherwise
    empty, as for every other trial.
    """

    intermediates: tuple[Report, ...] = ()
    error: str | None = None
    """The traceback of a failed trial, as Python prints it."""

    seed: int = 0
    """What the random number generators start from when the trial runs; below 2**32."""

    started: float | None = None
    """Seconds since the epoch."""

    ended: float | None = None
    """Seconds since the epoch."""

    duration: float | None = None
    """Seconds of evaluation, by a clock that never jumps."""

    host: str | None = None

    files: Mapping[str, str] = field(default_factory=dict)
    """Paths, on the host, of what the evaluation has kept, by what it is: "checkpoint", say."""

    interruptions: int = 0
    """How often what ran it was lost while it ran: a process that was killed, a node."""

    def __post_init__(self) -> None:
        if type(self.sample) is not FixedSample:
            object.__setattr__(self, "sample", FixedSample(self.sample))

    @property
    def metric(self) -> float | None:
        """The metric of the primary objective: the final one of a completed trial, the last one of a stopped trial.

        None for any other trial, and for one that was stopped before it reported that.
        """
        return next(iter(self.metrics.values()), None)

    @property
    def reason(self) -> str | None:
        """Why the trial failed, in a line: what `error` says before or after its frames. None for any other trial."""
        if self.error is None:
            return None
        lines = self.error.strip().splitlines() or [""]
        start = max([place for place, line in enumerate(lines) if line.startswith(_TRACEBACK)], default=None)
        if start is None:
            return lines[0].strip()
        return next((line for line in lines[start + 1 :] if line and not line[0].isspace()), lines[-1].strip())

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED

    def __repr__(self) -> str:
        metrics = [", ".join([f"{name}={value:.6g}" for name, value in self.metrics.items()])] if self.metrics else []
        seconds = [f"{self.duration:.3g} s"] if self.duration is not None else []
        said = ", ".join([*metrics, *seconds, *([self.reason] if self.reason else [])])
        return f"<trial {self.number} {self.state}: {dict(self.sample)}{', ' if said else ''}{said}>"

    def running(self, *, host: str | None = None, started: float | None = None) -> Self:
        return self._become("running", host=host, started=started)

    def reported(self, value: Report) -> Self:
        return replace(self, intermediates=(*self.intermediates, value))

    def completed(
        self,
        metrics: Mapping[str, float],
        *,
        ended: float | None = None,
        duration: float | None = None,
        files: Mapping[str, str] | None = None,
    ) -> Self:
        return self._become("completed", metrics=metrics, ended=ended, duration=duration, files=files or {})

    def failed(self, error: str, *, ended: float | None = None, duration: float | None = None) -> Self:
        return self._become("failed", error=error, ended=ended, duration=duration)

    def stopped(
        self,
        metrics: Mapping[str, float] | None = None,
        *,
        ended: float | None = None,
        duration: float | None = None,
        files: Mapping[str, str] | None = None,
    ) -> Self:
        return self._become("stopped", metrics=metrics or {}, ended=ended, duration=duration, files=files or {})

    def interrupted(self, *, lost: bool = False) -> Self:
        """The trial as it was cut off; `lost`: by the end of what ran it, which may be its own doing."""
        return self._become("interrupted", interruptions=self.interruptions + lost)

    def waiting(self) -> Self:
        """The interrupted trial as it was before it ran."""
        return self._become("waiting", intermediates=(), started=None, host=None)

    def _become(self, state: State, **changes: Any) -> Self:
        if state not in _FOLLOWS[self.state]:
            raise ExperimentError(f"trial {self.number} is {self.state}; it cannot become {state}")
        return replace(self, state=state, **changes)
