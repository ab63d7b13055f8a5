"""Regularized (ageing) evolution."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from typing import TypeAlias

import numpy as np

from retiarii.domain import Domain, Sample
from retiarii.errors import ConstraintError, DomainError, ExperimentError
from retiarii.strategies.arguments import check_integers
from retiarii.strategies.score import single_objective
from retiarii.strategies.shares import Shares
from retiarii.strategy import Objectives, Strategy
from retiarii.trial import Trial

_Member: TypeAlias = tuple[float, int, Sample]


class RegularizedEvolution(Strategy):
    """Evolution in which the oldest die, however good they are.

    After a random population, each proposal is a child of the best of some members drawn with replacement: its parent
    with one decision changed, which may open or close others. A trial that has ended joins the population, and the
    oldest member leaves it. Trials that failed do not join. Put round it, `FirstSamples` makes a first population of
    known networks, with random ones for the rest.

    Source: Real et al. 2019 ("Regularized evolution for image classifier architecture search"), algorithm 1, which has
    a population of 100 and samples of 25.

    Args:
        population_size: How many members; so many trials are random. 50 does better than 100 in searches of a few
            hundred trials.
        sample_size: From how many drawn members the best becomes the parent; more is greedier.
        crossover: The probability of a child of two parents, each found like that, which takes every decision from
            one or the other; it is mutated only if it equals one of them. The paper has none.

    Raises:
        ExperimentError: a number is out of its range; or (when the search starts) there are several objectives.
    """

    def __init__(self, population_size: int = 50, sample_size: int = 25, *, crossover: float = 0.0) -> None:
        check_integers("RegularizedEvolution", 1, population_size=population_size, sample_size=sample_size)
        if isinstance(crossover, bool) or not 0 <= crossover <= 1:
            raise ExperimentError(f"RegularizedEvolution(crossover={crossover!r}): give a probability, from 0 to 1")
        self.population_size = population_size
        self.sample_size = sample_size
        self.crossover = crossover

    def bind(self, domain: Domain, objectives: Objectives, seed: int) -> None:
        super().bind(domain, objectives, seed)
        self._score = single_objective(self)
        self._shares = Shares(self, 4 + len(domain.labels))
        self._by_age: deque[_Member] = deque()
        self._by_score: list[_Member] = []

    def ask(self) -> Sample | None:
        shares = self._shares.row()
        if self.known < self.population_size or not self._by_age:
            return self.domain.at(shares)
        parent = self._parent(shares[0])
        if shares[1] >= self.crossover:
            return self._mutated(parent, shares[2:])
        other = self._parent(shares[2])
        try:
            child = self.domain.crossed(parent, other, np.random.default_rng([self.seed, int(shares[3] * 2**53)]))
        except ConstraintError:
            child = parent
        return self._mutated(child, shares[2:]) if child in (parent, other) else child

    def tell(self, trial: Trial) -> None:
        super().tell(trial)
        score = self._score(trial)
        if score is None:
            return
        member = (score, self.ended, trial.sample)
        self._by_age.append(member)
        insort(self._by_score, member)
        if len(self._by_age) > self.population_size:
            oldest = self._by_age.popleft()
            del self._by_score[bisect_left(self._by_score, oldest)]

    def _parent(self, share: float) -> Sample:
        """The best of `sample_size` members drawn with replacement, of which `share` says how far up it stands.

        The lowest of n uniform numbers is distributed like 1 - (1 - u) ** (1 / n), so one number is enough.
        """
        from_best = int(len(self._by_score) * (1 - (1 - share) ** (1 / self.sample_size)))
        return self._by_score[-1 - from_best][2]

    def _mutated(self, parent: Sample, shares: list[float]) -> Sample:
        try:
            return self.domain.mutated_at(parent, shares)
        except DomainError:
            return dict(parent)
