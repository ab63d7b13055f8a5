"""What a search is at, and what is left of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Self

from retiarii.experiment.history import History
from retiarii.experiment.plan import Plan
from retiarii.experiment.progress import duration
from retiarii.experiment.rows import Run
from retiarii.trial import ENDED, State, Trial

_LAST = 500
_PER_HOUR = 3600


def running(history: History) -> list[Trial]:
    """The trials that run, by number, as far as they are among the last ones."""
    last = len(history)
    trials = (history[number] for number in range(last - 1, max(-1, last - _LAST - 1), -1))
    found = islice((trial for trial in trials if trial.state == "running"), history.counts["running"])
    return [*found][::-1]


@dataclass(frozen=True, slots=True)
class Remaining:
    """What a run has still to do."""

    total: int | None
    """Trials to the end, those of earlier runs included; None if nothing says."""

    ended: int
    deadline: float | None
    """Seconds since the epoch, after which no trial is begun; None if there is none."""

    @classmethod
    def of(cls, plan: Plan | None, run: Run, counts: Mapping[State, int]) -> Self:
        limits = run.settings.get("limits", {})
        size = None if plan is None or plan.one_shot is not None else plan.size
        ends = [end for end in (limits.get("max_trials"), size) if end is not None]
        most = limits.get("max_duration")
        return cls(
            min(ends, default=None),
            sum([counts[state] for state in ENDED]),
            None if most is None else run.started + most,
        )

    def words(self, rate: float | None, now: float) -> str:
        """What is left, in words.

        Args:
            rate: Trials an hour, if that is known.
            now: Seconds since the epoch.
        """
        left = None if self.total is None else max(0, self.total - self.ended)
        ways = [] if self.deadline is None else [max(0.0, self.deadline - now)]
        ways += [left / rate * _PER_HOUR] if left is not None and rate else []
        said = ([] if left is None else [f"{left:,} trials"]) + ([f"about {duration(min(ways))}"] if ways else [])
        return ", ".join(said) or "there is no limit"
