"""What proposes samples: the protocol of multi-trial strategies."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from retiarii.domain import Domain, Sample
from retiarii.trial import ENDED, Objectives, Trial

__all__ = ["Objectives", "Strategy"]


class Strategy(ABC):
    """Proposes samples and learns from trials. It knows the domain, never the model.

    A search binds the strategy, then asks and tells in any interleaving: several samples may be out at a time, and
    their trials end in any order. Every trial is told twice: in state "waiting" as soon as a proposal has become a
    trial, and again when it has ended. There is no checkpoint. When a search is resumed, a fresh strategy is bound and
    told the old trials in the order in which they ended, then, as "waiting", those that will run again.

    So what a strategy knows must follow from the ended trials in their order and the set of those that are out, and
    from nothing else: not from proposals that became no trial (wrappers turn some away), nor from a random number
    generator that lives on between asks. `rng()` gives each ask one of its own that keeps to this.

    A whole strategy, which changes one decision of the best trial so far::

        class HillClimbing(Strategy):
            def bind(self, domain, objectives, seed):
                super().bind(domain, objectives, seed)
                self.sign = 1 if next(iter(objectives.values())) == "maximize" else -1
                self.best = None

            def ask(self):
                if self.best is None:
                    return self.domain.random(self.rng())
                return self.domain.mutated(self.best.sample, self.rng())

            def tell(self, trial):
                super().tell(trial)
                if trial.state != "completed":
                    return
                if self.best is None or self.sign * (trial.metric - self.best.metric) > 0:
                    self.best = trial

    Attributes:
        repeats: Whether `ask` may give a sample that is a trial already. One that does not gives all samples of a
            finite space, then None.
        ending: Why `ask` gives None, in words; empty where there is nothing special to say.
        known: 1 + the highest number of a trial told.
        ended: How many ended trials were told.
        asks: How often `rng` was called since the last trial was told.
    """

    repeats: bool = True

    domain: Domain
    objectives: Objectives
    seed: int
    ending: str
    known: int
    ended: int
    asks: int

    def bind(self, domain: Domain, objectives: Objectives, seed: int) -> None:
        """Starts a search, forgetting any earlier one. Who overrides it calls it first.

        Args:
            domain: What samples are made of.
            objectives: The metrics to optimise; the first is the primary one.
            seed: A non-negative integer; the same seed gives the same proposals.
        """
        self.domain = domain
        self.objectives = objectives
        self.seed = seed
        self.ending = ""
        self.known = self.ended = self.asks = 0

    @abstractmethod
    def ask(self) -> Sample | None:
        """The next sample to try.

        None means "nothing before I am told more"; where no trial is out, it ends the search.
        """

    def tell(self, trial: Trial) -> None:
        """Takes note of a trial, waiting or ended; its sample is canonical. Who overrides it calls it first."""
        self.asks = 0
        if trial.number >= self.known:
            self.known = trial.number + 1
        if trial.state in ENDED:
            self.ended += 1

    def turned_away(self, sample: Sample, known: Sample) -> bool:
        """Learns that a proposal became no trial, because it is the same model as a trial's sample, `known`.

        A resumed search turns the same away when it is proposed again. Most strategies need not know.

        Returns:
            Whether it was noted, so that it will not be proposed again.
        """
        return False

    def rng(self) -> np.random.Generator:
        """A generator for the next proposal, which follows from the seed and the trials told."""
        self.asks += 1
        return np.random.default_rng([self.seed, self.known, self.ended, self.asks])
