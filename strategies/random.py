"""Random search."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from retiarii.domain import Domain, Sample
from retiarii.strategies.seen import Seen
from retiarii.strategy import Objectives, Strategy
from retiarii.trial import Trial

_DRAWS = 256
_DRAWS_WITHOUT_END = 10_000


class Random(Strategy):
    """Random search without replacement; it ends when the space is exhausted.

    Every decision is uniform over its candidates, one after another. So where choices depend on others, samples are not
    all equally likely: a candidate that opens up many more choices is as likely as one that opens up none.

    A sample that has been proposed is drawn again, up to 256 times (10,000 times in a space without end, where giving
    up ends the search); after that the first one in grid order which is left is taken. That concerns the last one in
    a hundred or so of a small space, and keeps the cost of all of it proportional to its size. What is proposed
    follows from the seed and the samples known, so a resumed search goes on as one that was never interrupted.
    """

    def bind(self, domain: Domain, objectives: Objectives, seed: int) -> None:
        super().bind(domain, objectives, seed)
        self._seen = Seen()
        self._grid: Iterator[Sample] | None = None

    def ask(self) -> Sample | None:
        if len(self._seen) >= self.domain.size:
            return None
        endless = self.domain.size == math.inf
        rng = np.random.default_rng([self.seed, len(self._seen)])
        for _ in range(_DRAWS_WITHOUT_END if endless else _DRAWS):
            sample = self.domain.random(rng)
            if self._seen.add(sample):
                return sample
        return None if endless else self._next_in_grid()

    def tell(self, trial: Trial) -> None:
        self._seen.add(self.domain.canonical(trial.sample))

    def _next_in_grid(self) -> Sample | None:
        if self._grid is None:
            self._grid = self.domain.grid()
        return next((sample for sample in self._grid if self._seen.add(sample)), None)
