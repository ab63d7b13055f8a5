"""The end of a search in which nothing works any more."""

from __future__ import annotations

from retiarii.domain import Domain, Sample
from retiarii.strategies.arguments import check_integers
from retiarii.strategies.middleware import Middleware
from retiarii.strategy import Objectives
from retiarii.trial import Trial


class GiveUp(Middleware):
    """Ends a search when trials fail one after another, as they do where a disk is full.

    Failures of earlier runs do not count: a search that gave up goes on when it is run again.

    Args:
        failures: How many trials in a row, in the order in which they ended, have to fail.

    Raises:
        ExperimentError: it is no positive integer.
    """

    def __init__(self, failures: int) -> None:
        check_integers("GiveUp", 1, failures=failures)
        self.failures = failures

    def bind(self, domain: Domain, objectives: Objectives, seed: int) -> None:
        super().bind(domain, objectives, seed)
        self._begun = False
        self._in_a_row = 0

    def ask(self) -> Sample | None:
        self._begun = True
        if self._in_a_row < self.failures:
            return super().ask()
        self.ending = f"gave up, because the last {self.failures} trials failed"
        return None

    def tell(self, trial: Trial) -> None:
        super().tell(trial)
        if self._begun and trial.has_ended and self._in_a_row < self.failures:
            self._in_a_row = self._in_a_row + 1 if trial.state == "failed" else 0
