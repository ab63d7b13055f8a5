"""A search without an experiment: trials overlap, some fail, and some are stopped early."""

from __future__ import annotations

import copy
import json
import random
from hashlib import blake2b
from typing import Self

from retiarii.domain import Sample
from retiarii.strategy import Objectives, Strategy
from retiarii.trial import Trial

_OUTCOMES = 7


class SimulatedSearch:
    """Drives a bound strategy as an experiment does, with as many trials at a time as `capacity` says.

    What becomes of a trial follows from its sample; which of those that are out ends next, from the seed.

    Attributes:
        proposed: The samples that became trials, in order.
        ended: The trials that ended, in that order.
        out: Those that wait or run, by number.
    """

    def __init__(self, strategy: Strategy, *, capacity: int = 1, seed: int = 0) -> None:
        self.strategy = strategy
        self.capacity = capacity
        self.proposed: list[Sample] = []
        self.ended: list[Trial] = []
        self.out: dict[int, Trial] = {}
        self._luck = random.Random(seed)  # noqa: S311  (no secret)

    def step(self) -> bool:
        """Proposes as many samples as there is room for, then ends one trial; whether there was any."""
        while len(self.out) < self.capacity and (sample := self.strategy.ask()) is not None:
            trial = Trial(len(self.proposed), dict(sample))
            self.proposed.append(sample)
            self.out[trial.number] = trial
            self.strategy.tell(trial)
        if not self.out:
            return False
        trial = outcome(self.out.pop(self._luck.choice(list(self.out))), self.strategy.objectives)
        self.ended.append(trial)
        self.strategy.tell(trial)
        return True

    def run(self, steps: int) -> Self:
        """Takes so many steps, or fewer where the strategy ends."""
        for _ in range(steps):
            if not self.step():
                break
        return self

    def resumed(self, strategy: Strategy) -> SimulatedSearch:
        """The search as it goes on with a fresh strategy, which is bound and told what an experiment tells it."""
        search = copy.copy(self)
        search.strategy = strategy
        search.proposed, search.ended, search.out = [*self.proposed], [*self.ended], {**self.out}
        search._luck = copy.deepcopy(self._luck)
        strategy.bind(self.strategy.domain, self.strategy.objectives, self.strategy.seed)
        for trial in [*self.ended, *self.out.values()]:
            strategy.tell(trial)
        return search


def outcome(trial: Trial, objectives: Objectives) -> Trial:
    """The trial as it ends: most complete, some fail, some are stopped with what they reported last."""
    metrics = {name: score(name, trial.sample) for name in objectives}
    match _digest("outcome", trial.sample) % _OUTCOMES:
        case 0:
            return trial.running().failed("Traceback: no luck")
        case 1:
            return trial.running().stopped(metrics)
        case _:
            return trial.running().completed(metrics)


def score(objective: str, sample: Sample) -> float:
    """A number from 0 to 1 that depends on nothing but the arguments."""
    return _digest(objective, sample) / 2**32


def _digest(name: str, sample: Sample) -> int:
    return int.from_bytes(blake2b(json.dumps([name, sample]).encode(), digest_size=4).digest())
