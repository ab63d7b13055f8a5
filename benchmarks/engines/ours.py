"""Our engines, driven as an experiment drives them, but without strategy and record."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from engines.subject import Subject, Table, no_op
from retiarii.domain import Sample
from retiarii.engine import Assignment, Engine, Event, Failed, Job, Reported, Started
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution.running import run
from retiarii.trial import Report

_numbers = count()


class Ours(Subject):
    """An engine, opened once."""

    def __init__(self, name: str, engine: Engine, trials: int) -> None:
        super().__init__(name, trials)
        self._engine = engine

    def open(self) -> None:
        self._engine.open(_assignment())

    def prepared(self, samples: Sequence[Sample]) -> Sequence[Job]:
        return _jobs(samples)

    def run(self, samples: Sequence[Job]) -> None:  # type: ignore[override]
        engine, waiting, ended = self._engine, deque(samples), 0

        def listen(event: Event) -> None:
            nonlocal ended
            assert not isinstance(event, Failed)
            ended += not isinstance(event, Started | Reported)

        while ended < len(samples):
            if waiting and (room := engine.room):
                engine.submit([waiting.popleft() for _ in range(min(room, len(waiting)))])
            engine.advance(listen, 1.0)

    def close(self) -> None:
        self._engine.close()


class Trials(Subject):
    """What every engine does for a trial, one after another, without an engine."""

    def open(self) -> None:
        self._assignment = _assignment()

    def prepared(self, samples: Sequence[Sample]) -> Sequence[Job]:
        return _jobs(samples)

    def run(self, samples: Sequence[Job]) -> None:  # type: ignore[override]
        for job in samples:
            assert not isinstance(run(self._assignment, job, _no_report), Failed)

    def close(self) -> None:
        return None


def _assignment() -> Assignment:
    evaluator = FunctionalEvaluator(no_op, argument="sample")
    return Assignment(Table(), evaluator, {"default": "maximize"}, folder=Path("trials").absolute())


def _jobs(samples: Sequence[Sample]) -> list[Job]:
    numbered = [(next(_numbers), sample) for sample in samples]
    return [Job(number, sample, number) for number, sample in numbered]


def _no_report(report: Report) -> None:
    raise AssertionError(report)
