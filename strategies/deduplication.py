"""No model twice."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeAlias

from retiarii.domain import Domain, Sample, Value
from retiarii.errors import ConstraintError, ExperimentError
from retiarii.strategies.chain import Chain
from retiarii.strategies.digest import digest
from retiarii.strategies.digest_set import DigestSet
from retiarii.strategies.middleware import Middleware
from retiarii.strategies.numbers import Numbers
from retiarii.strategies.random import Random
from retiarii.strategy import Objectives, Strategy
from retiarii.trial import Trial

_Packed: TypeAlias = tuple[tuple[str, ...], tuple[Value, ...]]
"""Labels, which many samples share, and values."""

_PATIENCE = 100
_MOST_FOR_A_TRIAL = 5000


class Deduplication(Middleware):
    """Turns away what has been tried, and ends the search when there is nothing else.

    The strategy inside is told what is turned away. One that takes note of it is asked again, until 5,000 samples for
    each trial were turned away; others up to 100 times for a proposal, after which it is what random search finds.

    Args:
        key: What is equal for samples that are the same model; by default the sample itself.
    """

    def __init__(self, key: Callable[[Sample], Hashable] = digest) -> None:
        self.key = key
        self._is_needed = True

    def around(self, inner: Strategy) -> Deduplication:
        wrapped = super().around(inner)
        wrapped.repeats = False
        wrapped._is_needed = self.key is not digest or inner.repeats
        return wrapped

    def bind(self, domain: Domain, objectives: Objectives, seed: int) -> None:
        super().bind(domain, objectives, seed)
        self._digests = DigestSet()
        self._models: dict[Hashable, _Packed] = {}
        self._labels: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._numbers = Numbers()
        self._noted = 0
        self._latest: Sample | None = None
        self._random: Random | None = None

    def ask(self) -> Sample | None:
        sample = self._new_from(self.inner)
        return self._new_from(self._random_search()) if self._is_stuck and self.inner.repeats else sample

    def tell(self, trial: Trial) -> None:
        super().tell(trial)
        if self._is_needed and self._numbers.add(trial.number) and trial.sample is not self._latest:
            self._same(trial.sample)

    def _new_from(self, strategy: Strategy) -> Sample | None:
        """What a strategy proposes that is new, if it finds any; `ending` says why not."""
        patience = _PATIENCE
        self._is_stuck = False
        while patience and self._noted < _MOST_FOR_A_TRIAL * (1 + self.known):
            try:
                sample = strategy.ask()
            except ConstraintError:
                # There may be samples, if few: random search, which comes next, walks through all of them.
                if not strategy.repeats and not self.known:
                    raise
                break
            if sample is None:
                self._explain(strategy.ending)
                return None
            if not isinstance(sample, dict):
                name = type(strategy).__name__
                raise ExperimentError(f"{name}.ask gave {sample!r}; give a sample (a dict of values by label), or None")
            if not self._is_needed:
                return sample
            known = self._same(sample)
            if known is None:
                self._latest = sample
                return sample
            if strategy.turned_away(sample, known):
                self._noted += 1
            else:
                patience -= 1
        self._is_stuck = True
        self._explain(f"{self._noted:,} samples were models that were tried")
        return None

    def _same(self, sample: Sample) -> Sample | None:
        """The sample of before that is the same model; None if this one is new, of which note is taken."""
        if self.key is digest:
            return None if self._digests.add(digest(sample)) else sample
        labels = tuple(sample)
        packed = self._labels.setdefault(labels, labels), tuple(sample.values())
        known = self._models.setdefault(self.key(sample), packed)
        return None if known is packed else dict(zip(*known, strict=True))

    def _random_search(self) -> Random:
        """Random search for this trial, whatever it proposed for others."""
        if self._random is None:
            self._random = Random()
            self._random.bind(self.domain, self.objectives, self.seed)
        self._random.known, self._random.asks = self.known, 0
        return self._random

    def _explain(self, reason: str) -> None:
        different = "" if self.key is digest or not reason else f"; {len(self._models):,} of its models are different"
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
