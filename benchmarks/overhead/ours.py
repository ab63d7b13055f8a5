"""Our strategies, told every trial twice as in an experiment. Making trials is not counted."""

from __future__ import annotations

from time import process_time_ns

import numpy as np

from overhead.subject import CANDIDATES, CATEGORIES, Subject, empty_segment, labels, metrics_of
from retiarii import strategies
from retiarii.domain import Categorical, Domain, Numeric
from retiarii.strategies.deduplication import deduplicated
from retiarii.trial import Trial

STEPS_OF_A_GRID = 64
WITHOUT_REPEATS = " without repeats"
EMPTY = empty_segment()


class Ours(Subject):
    """One of our strategies.

    Args:
        strategy: The name of its class.
        recorded: The number of trials.
        steps: How many steps are measured at a time.
        once: Whether deduplication is put round it.
        foreign: Whether the recorded trials are random ones, rather than its own.
    """

    def __init__(self, strategy: str, recorded: int, steps: int, *, once: bool = False, foreign: bool = False) -> None:
        super().__init__(strategy + WITHOUT_REPEATS * once, recorded, steps)
        self._class, self._once, self._foreign = getattr(strategies, strategy), once, foreign
        self._domain = domain(continuous=strategy != "GridSearch")
        names = ["score", "thrift"] if strategy == "NSGA2" else ["score"]
        self._objectives = dict.fromkeys(names, "maximize")

    def begin(self, recorded: int) -> None:
        strategy = self._class()
        self._strategy = deduplicated(strategy) if self._once else strategy
        self._strategy.bind(self._domain, self._objectives, 0)
        self._next = 0
        rng = np.random.default_rng(1)
        for _ in range(recorded):
            if self._foreign:
                self._told(self._domain.random(rng))
            else:
                self.step()

    def step(self) -> int:
        begin = process_time_ns()
        sample = self._strategy.ask()
        asked = process_time_ns() - begin
        assert sample is not None
        return int(asked + self._told(sample) - 2 * EMPTY)

    def _told(self, sample: dict[str, object]) -> int:
        waiting = Trial(self._next, sample)
        metrics = {name: value for name, value in metrics_of(sample).items() if name in self._objectives}
        completed = waiting.running().completed(metrics)
        self._next += 1
        begin = process_time_ns()
        self._strategy.tell(waiting)
        self._strategy.tell(completed)
        return process_time_ns() - begin


def domain(*, continuous: bool) -> Domain:
    """Ten choices of 4 and two numbers; whole ones where they are not continuous."""
    names = labels()
    choices = [Categorical(name, tuple(range(CANDIDATES))) for name in names[:CATEGORIES]]
    if continuous:
        return Domain([*choices, *[Numeric(name, 0.0, 1.0) for name in names[CATEGORIES:]]])
    return Domain([*choices, *[Numeric(name, 1, STEPS_OF_A_GRID, integer=True) for name in names[CATEGORIES:]]])
