"""How a search stands: what is needed of its trials while it runs, however many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from retiarii.trial import ENDED, Objectives, State, Trial


class Tally:
    """Counts trials by state and keeps the best one.

    Args:
        objectives: The first one says what is best.
        counts: How many trials there are already, by state.
        best: The best of them.
    """

    def __init__(
        self, objectives: Objectives, counts: Mapping[State, int] | None = None, best: Trial | None = None
    ) -> None:
        self.best = best
        self._counts: Counter[State] = Counter(counts or {})
        self._sign = -1 if next(iter(objectives.values()), None) == "maximize" else 1

    def put(self, now: Trial, before: Trial | None) -> None:
        """Takes note of a new trial, or of what has become of one."""
        if before is not None:
            self._counts[before.state] -= 1
        self._counts[now.state] += 1
        if now.state == "completed" and (self.best is None or self._rank(now) < self._rank(self.best)):
            self.best = now

    def __len__(self) -> int:
        return self._counts.total()

    @property
    def counts(self) -> Mapping[State, int]:
        """How many trials are in a state; 0 for a state that none is in."""
        return self._counts

    @property
    def ended(self) -> int:
        """How many trials have ended, in whatever way."""
        return sum(self._counts[state] for state in ENDED)

    def _rank(self, trial: Trial) -> tuple[float, int]:
        return (self._sign * next(iter(trial.metrics.values())), trial.number)
