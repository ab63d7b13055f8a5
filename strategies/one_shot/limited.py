"""A search that ends after so many trials."""

from __future__ import annotations

from retiarii.domain import Sample
from retiarii.strategies.middleware import Middleware


class Limited(Middleware):
    """Ends a search after a number of trials, those of earlier runs included.

    Args:
        trials: How many.
    """

    def __init__(self, trials: int) -> None:
        self.trials = trials

    def ask(self) -> Sample | None:
        if self.known < self.trials:
            return super().ask()
        self.ending = f"{self.trials} architectures of the supernet were scored; give max_trials for more"
        return None
