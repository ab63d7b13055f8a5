"""Random search."""

from __future__ import annotations

import math
from typing import Literal

from retiarii.domain import Domain, Sample
from retiarii.errors import ConstraintError, DomainError
from retiarii.strategies.shares import Shares
from retiarii.strategies.untried import Untried
from retiarii.strategy import Objectives, Strategy
from retiarii.trial import Trial

_DRAWS = 64
_DRAWS_WITHIN_CONSTRAINTS = 8
_DRAWS_WITHOUT_END = 10_000


class Random(Strategy):
    """Random search without replacement; it ends when the space is exhausted.

    By default every decision is uniform over its candidates, one after another. So where choices depend on others,
    samples are not all equally likely: a candidate that opens up many more choices is as likely as one that opens up
    none. That looks at each candidate of each choice as often, and works in every space. With `over="models"` every
    sample is as likely as any other, so nearly all of them are of the largest kind.

    A sample that is a trial already is drawn again, up to 64 times (8 within constraints, 10,000 in a space without
    end, where giving up ends the search); after that it is the first that is left in an order by chance, or in grid
    order if requirements join too many choices to count what keeps them. That concerns the last few in a hundred of a
    small space, and keeps the cost of all of it proportional to its size. A draw follows from the seed, the number of
    trials known, and how many were drawn before since the last was told: not from which of them have ended.

    Args:
        over: What is drawn uniformly: the value of each label, or the model.

    Raises:
        DomainError: (when the search starts) `over` is "models", and the space holds a continuous choice.
        ConstraintError: (when the first sample is due) none was found that keeps the constraints. When later ones are
            not found any more, the search ends.
    """

    repeats = False

    def __init__(self, over: Literal["labels", "models"] = "labels") -> None:
        if over not in ("labels", "models"):
            raise DomainError(f'Random(over={over!r}): give "labels" or "models"')
        self.over = over

    def bind(self, domain: Domain, objectives: Objectives, seed: int) -> None:
        super().bind(domain, objectives, seed)
        self._most = domain.unconstrained.size_bound
        if self.over == "models" and self._most == math.inf:
            endless = ", ".join([repr(label) for label, choice in domain.choices.items() if choice.size == math.inf])
            raise DomainError(
                f'Random(over="models") needs choices that can be listed, and {endless} is continuous; '
                'give it a list of values, or use over="labels"'
            )
        self._draws = _DRAWS_WITHIN_CONSTRAINTS if domain.constraints else _DRAWS
        if self._most == math.inf:
            self._draws = _DRAWS_WITHOUT_END
        self._misses = 0
        self._untried = Untried(lambda: domain.shuffled(seed))
        self._shares = Shares(self, len(domain.labels) if self.over == "labels" else 1)

    def ask(self) -> Sample | None:
        try:
            sample = self._new()
        except ConstraintError:
            if not len(self._untried):
                raise
            sample = None
        if sample is None:
            found = "every sample of the space has been tried"
            self.ending = found if self._most < math.inf else f"no new sample was found in {self._draws:,} draws"
        return sample

    def turned_away(self, sample: Sample, known: Sample) -> bool:
        self._misses += 1
        return self._untried.refuse(sample)

    def tell(self, trial: Trial) -> None:
        super().tell(trial)
        self._untried.tell(trial)

    def _new(self) -> Sample | None:
        if len(self._untried) >= self._most:
            return None
        try:
            if self.asks == 0:
                self._misses = 0
            while self._misses < self._draws:
                shares = self._shares.attempt()
                sample = self.domain.at(shares) if self.over == "labels" else self.domain.uniform_at(shares[0])
                if self._untried.add(sample):
                    return sample
                self._misses += 1
        except ConstraintError:
            if self._most == math.inf:
                raise
        return self._untried.next() if self._most < math.inf else None
