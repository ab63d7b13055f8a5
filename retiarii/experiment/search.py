"""The loop: ask the strategy, hand jobs to the engine, take its events, write them down, tell the strategy."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from retiarii.domain.constraint import Cost
from retiarii.engine import Completed, Engine, Event, Failed, Failure, Job, Reported, Started, Stopped
from retiarii.errors import ExperimentError, SampleError
from retiarii.experiment.history import History
from retiarii.experiment.joint import Joint
from retiarii.experiment.priced import Priced
from retiarii.experiment.records import Records
from retiarii.stopper import Stopper
from retiarii.strategies.digest import digest
from retiarii.strategy import Strategy
from retiarii.trial import Objectives, Trial

TRIALS = "trials"
"""The folder, beside the record, with one for each trial that keeps files."""

_WAIT = 1.0
_SAME_ERRORS = 3
_SEEDS = 2**32
"""numpy takes no larger seeds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a search ends: after how many trials in all, and after how many seconds of a run."""

    max_trials: int | None = None
    max_duration: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a search is made of."""

    joint: Joint
    strategy: Strategy
    proposer: str
    """What the strategy is called towards its user."""

    stopper: Stopper | None
    engine: Engine
    objectives: Objectives
    costs: Sequence[Cost]
    seed: int
    limits: Limits


class Search:
    """One run of an experiment, from where its record stops to the end.

    Args:
        setup: What it is made of.
        records: Gets every trial as it is proposed, begins and ends.
        history: What is known, and gets the same.
        watch: Is called after every change, for a view.
    """

    def __init__(self, setup: Setup, records: Records, history: History, watch: Callable[[], None]) -> None:
        self._setup = setup
        self._domain = setup.joint.domain
        self._records = records
        self._history = history
        self._watch = watch
        self._priced = Priced(setup.costs, setup.objectives, setup.joint.evaluator.objectives)
        self._open: set[int] = set()
        self._stopping: set[int] = set()
        self._again: deque[Trial] = deque()
        self._first_errors = _FirstErrors()
        self._deadline = math.inf
        self._ending = ""

    def run(self, known: Sequence[Trial]) -> str:
        """Replays the known trials, in the order in which they ended, and goes on.

        Returns:
            Why it ended, in words.
        """
        if self._setup.limits.max_duration is not None:
            self._deadline = time.monotonic() + self._setup.limits.max_duration
        try:
            self._replay(known)
            self._loop()
        except BaseException:
            self._interrupt()
            raise
        finally:
            self._setup.engine.close()
        return self._ending

    def _replay(self, known: Sequence[Trial]) -> None:
        strategy, stopper = self._setup.strategy, self._setup.stopper
        strategy.bind(self._domain, self._setup.objectives, self._setup.seed)
        if stopper is not None:
            stopper.bind(self._priced.left_to_evaluator)
        for trial in known:
            now = trial if trial.has_ended or trial.state == "interrupted" else trial.interrupted()
            self._history.put(now)
            if now.has_ended:
                self._tell(now)
            else:
                strategy.tell(now.waiting())
                self._again.append(now)
        self._records.save(self._again)

    def _loop(self) -> None:
        self._fill()
        while self._open:
            self._setup.engine.advance(self._listen, _WAIT)
            self._fill()

    def _listen(self, event: Event) -> None:
        self._take(event)
        self._watch()

    def _fill(self) -> None:
        jobs: list[Job] = []
        while len(self._open) < self._setup.engine.capacity and (trial := self._next()) is not None:
            self._history.put(trial)
            self._open.add(trial.number)
            try:
                jobs.append(self._job(trial))
            except Exception as error:  # noqa: BLE001  (of the user's costs and expressions: this trial's outcome)
                # Were these written later, a record that is cut off here would lack trials of lower numbers.
                self._records.save([job.trial for job in jobs])
                self._fail(trial, Failure.from_exception(error), 0.0)
                self._watch()
        if jobs:
            self._records.save([job.trial for job in jobs])
            self._setup.engine.submit(jobs)

    def _job(self, trial: Trial) -> Job:
        joint, costs = self._setup.joint, tuple([cost.name for cost in self._setup.costs])
        evaluator, part = joint.decided(trial.sample), joint.part(trial.sample)
        self._priced.price(trial, part)
        folder = self._records.path.parent / TRIALS / str(trial.number)
        return Job(trial, part, joint.space, evaluator, self._priced.left_to_evaluator, costs, folder)

    def _next(self) -> Trial | None:
        limits = self._setup.limits
        if limits.max_trials is not None and self._history.ended + len(self._open) >= limits.max_trials:
            self._ending = f"the limit of {limits.max_trials} trials is reached"
            return None
        if time.monotonic() >= self._deadline:
            self._ending = f"the time limit of {limits.max_duration:g} s is reached"
            return None
        if self._again:
            return self._again.popleft().waiting()
        return self._propose()

    def _propose(self) -> Trial | None:
        sample = self._setup.strategy.ask()
        if sample is None:
            self._ending = f"the strategy has nothing more to propose: {self._reason()}"
            return None
        number = len(self._history)
        try:
            sample = self._domain.canonical(sample)
        except SampleError as error:
            raise ExperimentError(f"{self._setup.proposer} proposed {sample!r} for trial {number}: {error}") from error
        trial = Trial(number, sample, seed=(self._setup.seed + number) % _SEEDS)
        self._setup.strategy.tell(trial)
        return trial

    def _reason(self) -> str:
        domain = self._domain
        tried = len({digest(trial.sample) for trial in self._history.trials})
        if not domain.constraints and tried >= domain.size:
            return f"all {domain.size} samples of the space were tried"
        within = " within the constraints" if domain.constraints else ""
        return self._setup.strategy.ending or f"{tried} samples{within} of the space were tried"

    def _take(self, event: Event) -> None:
        trial = self._history[event.number]
        match event:
            case Started():
                self._keep(trial.running(host=event.host, started=time.time()))
            case Reported():
                self._report(trial.reported(event.value))
            case Completed():
                metrics = self._priced.joined(trial, event.metrics)
                self._end(trial.completed(metrics, ended=time.time(), duration=event.duration, files=event.files))
                self._first_errors.note(None)
            case Failed():
                self._fail(trial, event.failure, event.duration)
            case Stopped():
                metrics = self._priced.reported(trial)
                self._end(trial.stopped(metrics, ended=time.time(), duration=event.duration, files=event.files))
                self._first_errors.note(None)

    def _report(self, trial: Trial) -> None:
        self._history.put(trial)
        stopper = self._setup.stopper
        if stopper is None or trial.number in self._stopping or not stopper.should_stop(trial):
            return
        self._stopping.add(trial.number)
        self._setup.engine.cancel(trial.number)

    def _fail(self, trial: Trial, failure: Failure, duration: float) -> None:
        self._end(trial.failed(failure.text, ended=time.time(), duration=duration))
        self._first_errors.note(failure)

    def _end(self, trial: Trial) -> None:
        self._keep(trial)
        self._tell(trial)
        self._open.remove(trial.number)
        self._stopping.discard(trial.number)

    def _tell(self, trial: Trial) -> None:
        self._setup.strategy.tell(trial)
        if self._setup.stopper is not None:
            self._setup.stopper.tell(trial)

    def _keep(self, trial: Trial) -> None:
        self._history.put(trial)
        self._records.save([trial])

    def _interrupt(self) -> None:
        """Notes what was under way; where that can't be written, the record still says that it was running."""
        trials = [self._history[number] for number in sorted(self._open)]
        trials = [trial if trial.has_ended else trial.interrupted() for trial in trials]
        for trial in trials:
            self._history.put(trial)
        if not self._records.broken:
            self._records.save(trials)


@dataclass(slots=True)
class _FirstErrors:
    """Ends a search whose first trials all fail with the same error: it is not theirs, and more would not help."""

    seen: list[tuple[str, str, str] | None] = field(default_factory=list)

    def note(self, failure: Failure | None) -> None:
        if len(self.seen) >= _SAME_ERRORS:
            return
        self.seen.append(None if failure is None else (failure.kind, failure.message, failure.place))
        if failure is None or self.seen != [self.seen[0]] * _SAME_ERRORS:
            return
        place = f" ({failure.place})" if failure.place else ""
        raise ExperimentError(
            f"the first {_SAME_ERRORS} trials failed with the same error, so the search stops: "
            f"{failure.kind}: {failure.message}{place}"
        ) from failure.exception
