"""What every engine has to do, as tests: derive from `EngineConformance` in a test file."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from retiarii.domain import Domain, Sample
from retiarii.engine import Assignment, Completed, Engine, Event, Failed, Interrupted, Job, Reported, Started, Stopped
from retiarii.errors import ExperimentError
from retiarii.evaluator import Argument
from retiarii.evaluators.functional import FunctionalEvaluator
from retiarii.testing import evaluations
from retiarii.testing.domains import DOMAINS
from retiarii.trial import Objectives

_OBJECTIVES: Objectives = {"score": "maximize"}
_ENDS = (Completed, Failed, Stopped, Interrupted)


@dataclass(frozen=True, slots=True)
class _Space:
    """Says in which way a model was made."""

    domain: Domain

    @property
    def graph(self) -> _Space:
        return self

    def apply(self, sample: Sample, /) -> Any:
        return ("graph", sample["width"])

    def freeze(self, sample: Sample, /) -> Any:
        return ("module", sample["width"])


@dataclass(slots=True)
class _Heard:
    """The events of an engine, by trial."""

    events: dict[int, list[Event]] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        self.events.setdefault(event.number, []).append(event)

    @property
    def ended(self) -> int:
        return sum(isinstance(events[-1], _ENDS) for events in self.events.values())


class EngineConformance:
    """Tests of the contract of `Engine`::

    class TestMine(EngineConformance):
        def make(self):
            return Mine()
    """

    patience: ClassVar[float] = 60.0
    """Seconds after which trials that take no time should have ended."""

    def make(self) -> Engine:
        """A new engine, not opened yet. To be written."""
        raise NotImplementedError(f"{type(self).__name__} needs a method make(self) that returns a new engine")

    def test_every_trial_begins_and_ends_once(self) -> None:
        heard = self._ran(evaluations.width, count=20)
        for number, events in heard.events.items():
            _expect([type(event) for event in events] == [Started, Completed], f"trial {number}: {events}")
        _expect(sorted(heard.events) == [*range(20)], f"the trials {sorted(heard.events)} are not 0 to 19")

    def test_metrics_belong_to_their_trials(self) -> None:
        for number, (*_, end) in self._ran(evaluations.width, count=20).events.items():
            right = isinstance(end, Completed) and end.metrics == {"score": float(number)} and end.duration >= 0
            _expect(right, f"trial {number}: {end}")

    def test_reports_come_in_their_order_before_the_end(self) -> None:
        for number, events in self._ran(evaluations.reporting, count=4).events.items():
            expected = [Reported(number, 0.0), Reported(number, {"loss": 1.0}), Reported(number, 2.0)]
            _expect(events[1:-1] == expected, f"trial {number}: {events}")

    def test_the_evaluator_gets_what_it_asks_for(self) -> None:
        wanted: tuple[Argument, ...] = ("module", "graph", "sample")
        for argument in wanted:
            heard = self._ran(evaluations.is_given, count=1, argument=argument, expected=argument)
            _expect(isinstance(heard.events[0][-1], Completed), f"{argument}: {heard.events[0][-1]}")

    def test_what_is_decided_of_the_evaluator_reaches_it(self) -> None:
        jobs = [replace(job, decided={"rate": job.number / 2}) for job in _jobs(4)]
        for number, (*_, end) in self._ran(evaluations.rate_of, jobs=jobs, rate=None).events.items():
            _expect(isinstance(end, Completed) and end.metrics == {"score": number / 2}, f"trial {number}: {end}")

    def test_the_seed_decides_what_is_drawn(self) -> None:
        jobs = [replace(job, seed=job.number % 2) for job in _jobs(4)]
        drawn = [events[-1] for _, events in sorted(self._ran(evaluations.drawing, jobs=jobs).events.items())]
        first, second, third, fourth = (end.metrics if isinstance(end, Completed) else end for end in drawn)
        _expect(first == third and second == fourth and first != second, f"{drawn} are not two and two alike")

    def test_the_sample_is_the_evaluators_own(self) -> None:
        jobs = _jobs(2)
        self._ran(evaluations.emptying, jobs=jobs)
        _expect([*map(_sample, range(2))] == [job.sample for job in jobs], f"the samples of {jobs} have changed")

    def test_an_error_fails_its_trial_alone(self) -> None:
        count = len(evaluations.ERRORS) + 1
        for number, (*_, end) in self._ran(evaluations.raising, count=count).events.items():
            if number == len(evaluations.ERRORS):
                _expect(isinstance(end, Completed), f"trial {number}: {end}")
                continue
            name = evaluations.ERRORS[number].__name__
            right = isinstance(end, Failed) and end.failure.kind == name and "no luck" in end.failure.text
            _expect(right, f"trial {number}, with a {name}: {end}")

    def test_a_result_that_is_no_number_fails_its_trial_alone(self) -> None:
        for number, (*_, end) in self._ran(evaluations.strange, count=6).events.items():
            right = isinstance(end, Failed) and end.failure.kind == "MetricError"
            _expect(right if number else isinstance(end, Completed), f"trial {number}: {end}")

    def test_what_is_kept_is_told(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for number, (*_, end) in self._ran(evaluations.keeping, count=3, folder=Path(folder)).events.items():
                files = {"notes": str(Path(folder, str(number), "notes.txt"))}
                _expect(isinstance(end, Completed) and end.files == files, f"trial {number}: {end}")
                _expect(Path(files["notes"]).read_text(encoding="utf-8") == "kept", f"{files} are not there")

    def test_a_trial_that_runs_is_cancelled_at_a_report(self) -> None:
        engine, heard = self._opened(evaluations.endless), _Heard()

        def listen(event: Event) -> None:
            heard(event)
            if isinstance(event, Reported):
                engine.cancel(event.number)

        self._run(engine, _jobs(2), heard, listen)
        for number, events in heard.events.items():
            _expect(isinstance(events[-1], Stopped), f"trial {number}: {events[-1]}")

    def test_a_trial_that_gives_itself_up_is_stopped(self) -> None:
        (*_, end) = self._ran(evaluations.hopeless, count=1).events[0]
        _expect(isinstance(end, Stopped), f"{end}")

    def test_a_trial_that_waits_is_cancelled(self) -> None:
        heard = _Heard()
        with closing(self._opened(evaluations.width)) as engine:
            jobs = _jobs(engine.room + 3)
            engine.submit(jobs)
            for number in (jobs[-1].number, len(jobs) + 7):
                engine.cancel(number)
            self._finish(engine, len(jobs), heard, heard)
        _expect(heard.events[jobs[-1].number] == [Stopped(jobs[-1].number, 0.0)], f"{heard.events[jobs[-1].number]}")

    def test_it_wants_trials_when_it_has_none(self) -> None:
        heard = _Heard()
        with closing(self._opened(evaluations.width)) as engine:
            for first in (0, 100):
                room = engine.room
                _expect(room >= 1, f"without a trial it has room for {room}")
                engine.submit(_jobs(room, first))
                _expect(engine.room == 0, f"with {room} trials, as it wanted, it has room for {engine.room}")
                self._finish(engine, room, heard, heard)
                heard.events.clear()

    def test_it_comes_back_where_nothing_is_to_be_done(self) -> None:
        heard = _Heard()
        with closing(self._opened(evaluations.width)) as engine:
            engine.advance(heard, 0.1)
        _expect(not heard.events, f"without a trial it told {heard.events}")

    def test_an_error_of_the_listener_comes_out(self) -> None:
        for kind in (Started, Completed):
            error = ExperimentError("the listener's own")
            raised = None
            with closing(self._opened(evaluations.width)) as engine:
                engine.submit(_jobs(1))
                try:
                    self._finish(engine, 1, _Heard(), _raising_at(kind, error))
                except ExperimentError as caught:
                    raised = caught
            _expect(raised is error, f"at {kind.__name__} the listener raised {error!r}, and {raised!r} came out")

    def test_it_can_be_opened_again(self) -> None:
        engine = self.make()
        for function in (evaluations.width, evaluations.negative):
            engine.open(_assignment(function))
            engine.submit(_jobs(engine.room, 50))
            engine.close()
            engine.close()
            heard = _Heard()
            engine.open(_assignment(function))
            self._run(engine, _jobs(3), heard, heard)
            ends = [events[-1] for _, events in sorted(heard.events.items())]
            scores = [end.metrics["score"] for end in ends if isinstance(end, Completed)]
            _expect(scores == [function(_sample(number)) for number in range(3)], f"opened again it told {ends}")

    def _ran(
        self,
        function: Callable[..., Any],
        *,
        count: int = 0,
        jobs: Sequence[Job] = (),
        argument: Argument = "sample",
        folder: Path | None = None,
        **arguments: Any,
    ) -> _Heard:
        """What is heard of some trials, from the first to the last."""
        heard = _Heard()
        self._run(self._opened(function, argument, folder, **arguments), jobs or _jobs(count), heard, heard)
        return heard

    def _opened(
        self,
        function: Callable[..., Any],
        argument: Argument = "sample",
        folder: Path | None = None,
        **arguments: Any,
    ) -> Engine:
        engine = self.make()
        engine.open(_assignment(function, argument, folder, **arguments))
        return engine

    def _run(self, engine: Engine, jobs: Sequence[Job], heard: _Heard, listen: Callable[[Event], None]) -> None:
        """Gives an engine as many trials as it wants, until all have ended, and closes it."""
        try:
            waiting = [*jobs]
            while waiting:
                room = engine.room
                engine.submit(waiting[:room])
                del waiting[:room]
                self._finish(engine, min(heard.ended + 1, len(jobs)), heard, listen)
            self._finish(engine, len(jobs), heard, listen)
        finally:
            engine.close()

    def _finish(self, engine: Engine, count: int, heard: _Heard, listen: Callable[[Event], None]) -> None:
        until = time.monotonic() + self.patience
        while heard.ended < count:
            _expect(time.monotonic() < until, f"{heard.ended} of {count} trials ended within {self.patience} s")
            engine.advance(listen, 0.5)


def _assignment(
    function: Callable[..., Any], argument: Argument = "sample", folder: Path | None = None, **arguments: Any
) -> Assignment:
    evaluator = FunctionalEvaluator(function, argument=argument, **arguments)
    return Assignment(_Space(DOMAINS["flat"]), evaluator, _OBJECTIVES, folder=folder)


def _jobs(count: int, first: int = 0) -> list[Job]:
    return [Job(number, _sample(number), seed=number) for number in range(first, first + count)]


def _sample(number: int) -> Sample:
    return {"width": number, "kernel": 3}


def _raising_at(kind: type[Event], error: Exception) -> Callable[[Event], None]:
    def listen(event: Event) -> None:
        if isinstance(event, kind):
            raise error

    return listen


def _expect(holds: bool, message: str) -> None:
    if not holds:
        raise AssertionError(message)
