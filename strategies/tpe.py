"""The Tree-structured Parzen estimator."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice

import numpy as np

from retiarii.domain import Domain, Sample
from retiarii.domain.sieve import Sieve, batch_sizes
from retiarii.errors import ConstraintError, ExperimentError
from retiarii.strategies.arguments import check_integers
from retiarii.strategies.parzen.history import History
from retiarii.strategies.parzen.model import Model
from retiarii.strategies.score import single_objective
from retiarii.strategies.untried import Untried
from retiarii.strategy import Objectives, Strategy
from retiarii.trial import ENDED, Trial

_MOST_GOOD = 25
_ROUNDS = 4
_GROWTH = 4
_DRAWS = 64
_DRAWS_WITHOUT_END = 10_000


class TPE(Strategy):
    """Tree-structured Parzen estimator: what the best trials have and the others have not, with hyperopt's estimators.

    After some random trials, the `ceil(gamma * sqrt(n))` best of `n`, 25 at most, are the good ones. For each choice
    one density is fitted to its values in the good trials, and one to those in all others, as far as it was active in
    them. Of some candidates drawn from the first density, the one is proposed that is the most likely under the first
    compared with the second, over all its active choices together; candidates that are trials already, or break a
    constraint, are passed over. If all are, four times as many are drawn, up to 64 times; then a random one is taken.

    Trials that failed, and those that are out, count as bad: the former so that what fails is left alone, the latter so
    that what is proposed next is something else.

    Source: Bergstra et al. 2011 ("Algorithms for hyper-parameter optimization"), section 4. There, and in hyperopt's
    own search, the value of each choice is picked by itself, and may be proposed again. To pick candidates whole, and
    new ones only, finds better networks; for that the estimators are called directly, and not through `hyperopt.fmin`.

    Args:
        first_random: How many trials end before the densities are used; hyperopt's default.
        candidates: How many are drawn for a proposal, more is greedier; hyperopt's default.
        gamma: More makes more trials good. hyperopt's default is 0.25; with whole candidates 1 does better, on tables
            of networks and on functions of numbers alike.

    Raises:
        ExperimentError: A number is out of its range; or (when the search starts) there are several objectives.
        ConstraintError: (when the first sample is due) None was found that keeps the constraints. When later ones are
            not found any more, the search ends.
    """

    def __init__(self, first_random: int = 20, candidates: int = 24, gamma: float = 1.0) -> None:
        check_integers("TPE", 1, first_random=first_random, candidates=candidates)
        if not 0 < gamma < math.inf:
            raise ExperimentError(f"TPE(gamma={gamma!r}): give a number above 0")
        self.first_random = first_random
        self.candidates = candidates
        self.gamma = gamma

    def bind(self, domain: Domain, objectives: Objectives, seed: int) -> None:
        super().bind(domain, objectives, seed)
        self._score = single_objective(self)
        self._history = History(domain)
        self._out: dict[int, Sample] = {}
        self._untried = Untried(lambda: domain.shuffled(seed))
        self._model: Model | None = None
        self._rounds = _ROUNDS

    def ask(self) -> Sample | None:
        rng = self.rng()
        sample = self._promising(rng) if self.ended >= self.first_random else None
        return self._random(rng) if sample is None else sample

    def tell(self, trial: Trial) -> None:
        super().tell(trial)
        self._untried.tell(trial)
        self._model = None
        self._rounds = _ROUNDS
        if trial.state in ENDED:
            self._out.pop(trial.number, None)
            self._history.add(trial.sample, self._score(trial))
        else:
            self._out[trial.number] = trial.sample

    def _promising(self, rng: np.random.Generator) -> Sample | None:
        """The best of new candidates, if there are any."""
        if self._model is None:
            self._model = self._fitted()
        for drawn in range(self._rounds):
            sample = self._first_new(self._model.best_first(self.candidates * _GROWTH**drawn, rng))
            if sample is not None:
                return sample
        self._rounds = 0
        return None

    def _fitted(self) -> Model:
        good = min(math.ceil(self.gamma * math.sqrt(self._history.scored)), _MOST_GOOD)
        out = [sample for _, sample in sorted(self._out.items())]
        return Model(self.domain, self._history, self._history.densities(good, out))

    def _first_new(self, samples: Iterator[Sample]) -> Sample | None:
        """The first that keeps the constraints and is no trial."""
        sieve = Sieve(self.domain.constraints)
        for size in batch_sizes():
            batch = [*islice(samples, size)]
            if not batch:
                break
            for sample in sieve.passing(batch):
                if self._untried.add(sample):
                    return sample
        return None

    def _random(self, rng: np.random.Generator) -> Sample | None:
        try:
            sample = self._drawn(rng)
        except ConstraintError:
            if not len(self._untried):
                raise
            sample = None
        if sample is None:
            self.ending = "no new sample was found"
        return sample

    def _drawn(self, rng: np.random.Generator) -> Sample | None:
        """A new random sample; the next in an order by chance where many draws find none."""
        is_endless = self.domain.unconstrained.size_bound == math.inf
        try:
            for _ in range(_DRAWS_WITHOUT_END if is_endless else _DRAWS):
                sample = self.domain.random(rng)
                if self._untried.add(sample):
                    return sample
        except ConstraintError:
            if is_endless:
                raise
        return None if is_endless else self._untried.next()
