"""The loop: ask the strategy, hand jobs to the engine, take its events, write them down, tell the strategy."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from retiarii.engine import (
    Assignment,
    Completed,
    Event,
    Failed,
    Failure,
    Interrupted,
    Job,
    Reported,
    Started,
    Stopped,
)
from retiarii.experiment.first_errors import FirstErrors
from retiarii.experiment.priced import Priced
from retiarii.experiment.records import Records
from retiarii.experiment.replay import replay
from retiarii.experiment.setup import Setup
from retiarii.experiment.supply import Supply
from retiarii.experiment.tally import Tally
from retiarii.trial import Trial

TRIALS = "trials"
"""The folder, beside the record, with one for each trial that keeps files."""

_WAIT = 1.0
_REPORTS_EVERY = 1.0
_REPORTS_SHARE = 20  # of the time that saving them took, so that many and long ones slow nothing down
_LETTERS = 500
"""Of an error, in the log; the record has all of it."""

_log = logging.getLogger(__name__)


class Search:
    """One run of an experiment, from where its record stops to the end.

    Args:
        setup: What it is made of.
        records: Has the known trials, and gets every trial as it is proposed, begins and ends.
        tally: Of the known trials, and gets the same.
    """

    def __init__(self, setup: Setup, records: Records, tally: Tally) -> None:
        self._setup = setup
        self._domain = setup.joint.domain
        self._records = records
        self._tally = tally
        self._watch = _nobody
        self._priced = Priced(setup.costs, setup.objectives, setup.joint.evaluator.objectives)
        self._open: dict[int, Trial] = {}
        self._begun: list[Trial] = []
        self._ended: list[tuple[Trial, Failure | None]] = []
        self._stopping: set[int] = set()
        self._withdrawn: set[int] = set()
        self._supply = Supply(setup, records, tally)
        self._first_errors = FirstErrors(tally.counts["completed"] == 0)
        self._reports_due = 0.0
        self._has_opened = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._setup.interrupts.be_deaf()
        try:
            if error is not None:
                self._interrupt()
        finally:
            if self._has_opened:  # else it may be another search's
                self._setup.engine.close()

    @property
    def ending(self) -> str:
        """Why it has ended, in words; empty until then."""
        return self._supply.ending

    def begin(self, opening: Callable[[], None]) -> bool:
        """Replays the known trials, in the order in which they ended, and opens the engine if there is more to do.

        Args:
            opening: Is called before that, which may take a while.

        Returns:
            Whether there is; `ending` says why not.
        """
        setup = self._setup
        self._replay()
        if not self._supply.has_any():
            return False
        opening()
        costs = tuple([cost.name for cost in setup.costs])
        left = self._priced.left_to_evaluator
        setup.engine.open(
            Assignment(setup.joint.space, setup.joint.evaluator, left, costs, self._records.folder / TRIALS)
        )
        self._has_opened = True
        return True

    def run(self, watch: Callable[[], None]) -> None:
        """Goes on until there is nothing more to do; `ending` says why.

        Args:
            watch: Is called after every change, for a view.
        """
        self._watch = watch
        self._setup.interrupts.be_patient()
        self._supply.start_clock()
        self._fill()
        while self._open:
            self._setup.engine.advance(self._take, _WAIT)
            self._settle()
            self._fill()
            self._withdraw()

    def _replay(self) -> None:
        setup = self._setup
        setup.strategy.bind(self._domain, setup.objectives, setup.seed)
        if setup.stopper is not None:
            setup.stopper.bind(self._priced.left_to_evaluator)
        again = replay(setup, self._records, self._tally, self._tell)
        self._supply.take_back([trial for trial in again if trial.interruptions <= setup.limits.max_retries])
        for trial in again:
            if trial.interruptions > setup.limits.max_retries:
                self._open[trial.number] = trial
                self._end(trial.failed(_lost(trial, "the process that ran it was killed"), ended=time.time()))
        self._settle()

    def _fill(self) -> None:
        jobs: list[Job] = []
        while len(jobs) < self._setup.engine.room and (drawn := self._supply.next(len(self._open))) is not None:
            trial = self._let_in(drawn)
            try:
                jobs.append(self._job(trial))
            except Exception as error:  # noqa: BLE001  (of the user's costs and expressions: this trial's outcome)
                # Were these written later, a record that is cut off here would lack trials of lower numbers.
                self._records.save([self._open[job.number] for job in jobs])
                self._fail(trial, Failure.from_exception(error), 0.0)
                self._settle()
        if jobs:
            self._records.save([self._open[job.number] for job in jobs])
            self._setup.engine.submit(jobs)

    def _let_in(self, drawn: Trial) -> Trial:
        trial = drawn.waiting() if drawn.state == "interrupted" else drawn
        if trial is not drawn:
            self._open[drawn.number] = drawn
        self._put(trial)
        return trial

    def _job(self, trial: Trial) -> Job:
        joint = self._setup.joint
        decided, part = joint.decided(trial.sample), joint.part(trial.sample)
        self._priced.price(trial, part)
        return Job(trial.number, part, trial.seed, decided)

    def _withdraw(self) -> None:
        """Takes back what the engine has not begun, where nothing is to begin any more."""
        if self._supply.finishing():
            waiting = {number for number, trial in self._open.items() if trial.state == "waiting"}
            for number in sorted(waiting - self._withdrawn):
                self._withdrawn.add(number)
                self._setup.engine.cancel(number)

    def _take(self, event: Event) -> None:
        trial = self._open[event.number]
        if event.number in self._stopping:
            self._take_of_stopped(trial, event)
            return
        match event:
            case Started():
                self._start(trial.running(host=event.host, started=time.time()))
            case Reported():
                self._report(trial.reported(event.value))
            case Completed():
                metrics = self._priced.joined(trial, event.metrics)
                self._end(trial.completed(metrics, ended=time.time(), duration=event.duration, files=event.files))
            case Failed() if self._setup.interrupts.asked:
                _log.warning("trial %d failed, perhaps of the same signal: %s", trial.number, event.failure.message)
                self._set_aside(trial.interrupted())
            case Failed():
                self._fail(trial, event.failure, event.duration)
            case Stopped() if event.number in self._withdrawn:
                self._set_aside(trial.interrupted())
            case Stopped():
                self._stop(trial, event.duration, event.files)
            case Interrupted():
                self._lose(trial, event.reason)

    def _take_of_stopped(self, trial: Trial, event: Event) -> None:
        """Whatever a trial does after it was to stop counts no more, or the search would depend on how fast it does."""
        match event:
            case Completed() | Stopped():
                self._stop(trial, event.duration, event.files)
            case Failed():
                self._stop(trial, event.duration, {})
            case Interrupted():
                self._stop(trial, None, {})

    def _stop(self, trial: Trial, duration: float | None, files: Mapping[str, str]) -> None:
        metrics = self._priced.reported(trial)
        self._end(trial.stopped(metrics, ended=time.time(), duration=duration, files=files))

    def _start(self, trial: Trial) -> None:
        self._put(trial)
        self._begun.append(trial)

    def _report(self, trial: Trial) -> None:
        self._put(trial)
        self._save_reports()
        stopper = self._setup.stopper
        if stopper is None or not stopper.should_stop(trial):
            return
        self._stopping.add(trial.number)
        self._setup.engine.cancel(trial.number)

    def _save_reports(self) -> None:
        """Writes down what running trials have reported, now and then, for those who look on."""
        begin = time.monotonic()
        if begin >= self._reports_due:
            self._records.save([trial for trial in self._open.values() if trial.state == "running"])
            end = time.monotonic()
            self._reports_due = end + max(_REPORTS_EVERY, _REPORTS_SHARE * (end - begin))

    def _lose(self, trial: Trial, reason: str) -> None:
        _log.warning("trial %d was lost: %s", trial.number, reason)
        trial = trial.interrupted(lost=True)
        if trial.interruptions > self._setup.limits.max_retries:
            self._end(trial.failed(_lost(trial, reason), ended=time.time()))
            return
        self._set_aside(trial)

    def _set_aside(self, trial: Trial) -> None:
        """Keeps a trial that was cut off, to be run again."""
        self._put(trial)
        self._records.save([trial])
        self._supply.take_back([self._open.pop(trial.number)])

    def _fail(self, trial: Trial, failure: Failure, duration: float) -> None:
        self._priced.forget(trial)
        self._end(trial.failed(failure.text, ended=time.time(), duration=duration), failure)

    def _end(self, trial: Trial, failure: Failure | None = None) -> None:
        """Takes note that a trial has ended. Nobody hears of that before it is on disk, with those that end now."""
        self._ended.append((trial, failure))

    def _settle(self) -> None:
        """Writes down the trials that have begun and ended, in one go, then lets everybody know."""
        begun, ended = [*self._begun], [*self._ended]
        for trial, _ in ended:
            self._put(trial)
        now = [self._open[trial.number] for trial in begun if trial.number in self._open]
        running = [trial for trial in now if not trial.has_ended]
        if running or ended:
            self._records.save([*running, *[trial for trial, _ in ended]])
        self._begun, self._ended = [], []
        for trial in begun:
            for callback in self._setup.callbacks:
                callback.on_trial_start(trial)
        for trial, failure in ended:
            self._announce(trial)
            if trial.state != "stopped":  # which says nothing of how it would have ended
                self._first_errors.note(failure)
        if ended:
            self._watch()

    def _announce(self, trial: Trial) -> None:
        del self._open[trial.number]
        self._stopping.discard(trial.number)
        self._tell(trial)
        _log.info("trial %d %s", trial.number, trial.state, extra={"about": _about(trial)})
        for callback in self._setup.callbacks:
            callback.on_trial_end(trial)

    def _tell(self, trial: Trial) -> None:
        self._setup.strategy.tell(trial)
        if self._setup.stopper is not None:
            self._setup.stopper.tell(trial)

    def _put(self, trial: Trial) -> None:
        self._tally.put(trial, self._open.get(trial.number))
        self._open[trial.number] = trial

    def _interrupt(self) -> None:
        """Notes what was under way; where that can't be written, the record still says that it was running."""
        for trial, _ in self._ended:
            self._put(trial)
        self._begun, self._ended = [], []
        for trial in [*self._open.values()]:
            if trial.state in ("waiting", "running"):
                self._put(trial.interrupted())
        if not self._records.broken:
            self._records.save([*self._open.values()])


def _nobody() -> None:
    return None


def _lost(trial: Trial, reason: str) -> str:
    times = "once" if trial.interruptions == 1 else f"{trial.interruptions} times"
    return f"given up: it was cut off {times}, in the end because {reason}"


def _about(trial: Trial) -> dict[str, object]:
    reason = trial.reason[:_LETTERS] if trial.reason else None
    return {"trial": trial.number, "state": trial.state, "metric": trial.metric, "error": reason}
