"""Which trial is next: one that was cut off before, or what the strategy proposes."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable

from retiarii.errors import ExperimentError, SampleError
from retiarii.experiment.records import Records
from retiarii.experiment.setup import Setup
from retiarii.experiment.tally import Tally
from retiarii.strategies.digest import digest
from retiarii.trial import Trial

_SEEDS = 2**32
"""numpy takes no larger seeds."""


class Supply:
    """Hands out trials until a limit is reached, an end is asked for, or the strategy has no more.

    Args:
        setup: Has the strategy, the limits and the interrupts.
        records: Has the known trials.
        tally: Of the known trials, and of those that are handed out, once they are put there.

    Attributes:
        ending: Why there is none any more, in words; empty until then.
    """

    def __init__(self, setup: Setup, records: Records, tally: Tally) -> None:
        self._setup = setup
        self._domain = setup.joint.domain
        self._records = records
        self._tally = tally
        self._again: deque[Trial] = deque()
        self._proposed: Trial | None = None
        self._deadline = math.inf
        self.ending = ""

    def take_back(self, trials: Iterable[Trial]) -> None:
        """Keeps trials that were cut off; they come before new ones."""
        self._again.extend(trials)

    def has_any(self) -> bool:
        """Whether there is a trial to begin with. It may be one that the strategy proposes now, and is kept."""
        most = self._setup.limits.max_trials
        if most is not None and self._tally.ended >= most:
            self.ending = f"the limit of {most} trials was reached before; a higher one goes on"
            return False
        if not self._again:
            self._proposed = self._propose()
        return bool(self._again) or self._proposed is not None

    def start_clock(self) -> None:
        """From now on the time is limited, if it is."""
        if self._setup.limits.max_duration is not None:
            self._deadline = time.monotonic() + self._setup.limits.max_duration

    def finishing(self) -> str:
        """Why no trial may begin any more, though there may be some; empty if one may."""
        if self._setup.interrupts.asked:
            return f"it was interrupted by {self._setup.interrupts.asked}"
        if time.monotonic() >= self._deadline:
            return f"the time limit of {self._setup.limits.max_duration:g} s is reached"
        return ""

    def next(self, under_way: int) -> Trial | None:
        """A trial to begin, new or interrupted; None if there is none now.

        Args:
            under_way: How many have begun, or are about to, and not ended.
        """
        if reason := self.finishing():
            self.ending = reason
            return None
        if self._proposed is not None:
            proposed, self._proposed = self._proposed, None
            return proposed
        most = self._setup.limits.max_trials
        if most is not None and self._tally.ended + under_way >= most:
            self.ending = f"the limit of {most} trials is reached"
            return None
        return self._again.popleft() if self._again else self._propose()

    def _propose(self) -> Trial | None:
        sample = self._setup.strategy.ask()
        if sample is None:
            self.ending = f"the strategy has nothing more to propose: {self._reason()}"
            return None
        number = len(self._tally)
        try:
            sample = self._domain.canonical(sample)
        except SampleError as error:
            raise ExperimentError(f"{self._setup.proposer} proposed {sample!r} for trial {number}: {error}") from error
        trial = Trial(number, sample, seed=(self._setup.seed + number) % _SEEDS)
        self._setup.strategy.tell(trial)
        return trial

    def _reason(self) -> str:
        domain = self._domain
        tried = len({digest(trial.sample) for trial in self._records.trials()})
        if not domain.constraints and tried >= domain.size:
            return f"all {domain.size} samples of the space were tried"
        within = " within the constraints" if domain.constraints else ""
        return self._setup.strategy.ending or f"{tried} samples{within} of the space were tried"
