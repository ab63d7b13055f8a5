"""What is put round a strategy to change what it is asked and told."""

from __future__ import annotations

import copy
from typing import Self

from retiarii.domain import Domain, Sample
from retiarii.errors import ExperimentError
from retiarii.strategy import Objectives, Strategy
from retiarii.trial import Trial


class Middleware(Strategy):
    """A strategy around another, which does as the other does; subclasses change what they are about::

        class Halved(Middleware):
            def ask(self):
                if 2 * self.known >= self.domain.size:
                    self.ending = "half of the space was tried"
                    return None
                return super().ask()

    Call `super()` in each of `bind`, `ask` and `tell` that you override; `Chain` sets `inner`.

    Attributes:
        inner: The strategy inside.
    """

    repeats = False
    inner: Strategy

    def around(self, inner: Strategy) -> Self:
        """A copy of this middleware with `inner` inside."""
        wrapped = copy.copy(self)
        wrapped.inner = inner
        wrapped.repeats = self.repeats or inner.repeats
        return wrapped

    def bind(self, domain: Domain, objectives: Objectives, seed: int) -> None:
        super().bind(domain, objectives, seed)
        self.inner.bind(domain, objectives, seed)
        if not hasattr(self.inner, "asks"):
            name = type(self.inner).__name__
            raise ExperimentError(f"{name}.bind has not called super().bind(domain, objectives, seed): call it first")

    def ask(self) -> Sample | None:
        sample = self.inner.ask()
        if sample is None:
            self.ending = self.inner.ending
        return sample

    def turned_away(self, sample: Sample, known: Sample) -> bool:
        return self.inner.turned_away(sample, known)

    def tell(self, trial: Trial) -> None:
        super().tell(trial)
        self.inner.tell(trial)
