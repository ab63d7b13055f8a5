"""No model twice."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from retiarii.domain import Domain, Sample
from retiarii.strategies.chain import Chain
from retiarii.strategies.middleware import Middleware
from retiarii.strategies.random import Random
from retiarii.strategies.seen import digest
from retiarii.strategy import Objectives, Strategy
from retiarii.trial import Trial

_PATIENCE = 100
_MOST_IN_A_ROW = 5000
_TOO_MANY = f"{_MOST_IN_A_ROW:,} samples in a row are models that were tried"


class Deduplication(Middleware):
    """Turns away what has been tried, and ends the search when there is nothing else.

    The strategy inside is asked up to 100 times for something new; after that, it is what random search finds. One
    that never repeats itself is asked up to 5,000 times, as random search is: so many different samples in a row that
    are models already tried end the search.

    Args:
        key: What is equal for samples that are the same model; by default the sample itself.
    """

    def __init__(self, key: Callable[[Sample], Hashable] = digest) -> None:
        self.key = key

    def around(self, inner: Strategy) -> Deduplication:
        wrapped = super().around(inner)
        wrapped.repeats = False
        return wrapped

    def bind(self, domain: Domain, objectives: Objectives, seed: int) -> None:
        super().bind(domain, objectives, seed)
        self._seen: set[Hashable] = set()
        self._numbers: set[int] = set()
        self._latest: Sample | None = None
        self._random: Random | None = None

    def ask(self) -> Sample | None:
        for _ in range(_PATIENCE if self.inner.repeats else _MOST_IN_A_ROW):
            sample = self.inner.ask()
            if sample is None:
                self._note(self.inner.ending)
                return None
            if self._is_new(sample):
                return sample
        if self.inner.repeats:
            return self._any_new()
        self._note(_TOO_MANY)
        return None

    def tell(self, trial: Trial) -> None:
        super().tell(trial)
        if trial.number not in self._numbers:
            self._numbers.add(trial.number)
            if trial.sample is not self._latest:
                self._seen.add(self.key(trial.sample))

    def _is_new(self, sample: Sample) -> bool:
        before = len(self._seen)
        self._seen.add(self.key(sample))
        self._latest = sample
        return len(self._seen) > before

    def _any_new(self) -> Sample | None:
        """What random search proposes for this trial, whatever it proposed for others."""
        if self._random is None:
            self._random = Random()
            self._random.bind(self.domain, self.objectives, self.seed)
        self._random.known, self._random.asks = self.known, 0
        for _ in range(_MOST_IN_A_ROW):
            sample = self._random.ask()
            if sample is None:
                self._note(self._random.ending)
                return None
            if self._is_new(sample):
                return sample
        self._note(_TOO_MANY)
        return None

    def _note(self, reason: str) -> None:
        """Says why nothing is proposed."""
        different = "" if self.key is digest or not reason else f"; {len(self._seen):,} of its models are different"
        self.ending = f"{reason}{different}"


def deduplicated(strategy: Strategy, key: Callable[[Sample], Hashable] = digest) -> Strategy:
    """The strategy with deduplication round it; in a chain, right round the innermost.

    There it knows of every filter, and leaves alone what is repeated or given on purpose.
    """
    if not isinstance(strategy, Chain):
        return strategy if isinstance(strategy, Deduplication) else Deduplication(key).around(strategy)
    if any(isinstance(layer, Deduplication) for layer in strategy.middleware):
        return strategy
    return Chain(strategy.strategy, Deduplication(key), *strategy.middleware)
