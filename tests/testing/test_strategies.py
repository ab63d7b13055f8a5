"""The conformance tests find what is wrong with a strategy."""

from __future__ import annotations

import numpy as np
import pytest

from retiarii.strategies import Random
from retiarii.testing import StrategyConformance


class OutsideTheDomain(Random):
    def ask(self):
        sample = super().ask()
        return None if sample is None else {**sample, "unknown": 1}


class Repeating(Random):
    def ask(self):
        return self.domain.random(np.random.default_rng(self.seed))


class EndsEarly(Random):
    def bind(self, domain, objectives, seed):
        super().bind(domain, objectives, seed)
        self.left = 5

    def ask(self):
        self.left -= 1
        return super().ask() if self.left > 0 else None


class Unseeded(Random):
    def bind(self, domain, objectives, seed):
        super().bind(domain, objectives, int(np.random.default_rng().integers(2**62)))


class KeepsOldTrials(Random):
    def bind(self, domain, objectives, seed):
        known = getattr(self, "_untried", None)
        super().bind(domain, objectives, seed)
        self._untried = known or self._untried


class NeedsMetrics(Random):
    def tell(self, trial):
        super().tell(trial)
        assert trial.metric > -1


class OneAtATime(Random):
    def bind(self, domain, objectives, seed):
        super().bind(domain, objectives, seed)
        self.out = None

    def ask(self):
        assert self.out is None
        self.out = super().ask()
        return self.out

    def tell(self, trial):
        super().tell(trial)
        self.out = None


class KnowsOnlyItsOwn(Random):
    def bind(self, domain, objectives, seed):
        super().bind(domain, objectives, seed)
        self.own = []

    def ask(self):
        self.own.append(super().ask())
        return self.own[-1]

    def tell(self, trial):
        self.own.remove(trial.sample)


class DrawsFromOneStream(Random):
    def bind(self, domain, objectives, seed):
        super().bind(domain, objectives, seed)
        self.rng = np.random.default_rng(seed)

    def ask(self):
        self.seed = int(self.rng.integers(2**62))
        return super().ask()


class WritesIntoTrials(Random):
    def tell(self, trial):
        super().tell(trial)
        trial.sample.clear()


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (OutsideTheDomain, "test_proposes_what_the_domain_contains"),
        (Repeating, "test_does_not_repeat_itself_unless_it_says_so"),
        (EndsEarly, "test_ends_when_all_samples_are_tried"),
        (Unseeded, "test_the_same_seed_gives_the_same_samples"),
        (KeepsOldTrials, "test_binding_again_starts_anew"),
        (NeedsMetrics, "test_goes_on_where_everything_fails"),
        (OneAtATime, "test_takes_several_asks_before_a_tell_and_tells_in_any_order"),
        (KnowsOnlyItsOwn, "test_accepts_trials_it_never_asked_for"),
        (DrawsFromOneStream, "test_a_resumed_search_goes_on_as_if_nothing_had_happened"),
        (WritesIntoTrials, "test_leaves_alone_what_it_is_told"),
    ],
)
def test_each_fault_is_found(wrong, test):
    class Conformance(StrategyConformance):
        def make(self):
            return wrong()

    class Faultless(StrategyConformance):
        def make(self):
            return Random()

    getattr(Faultless(), test)()
    with pytest.raises((AssertionError, TypeError, ValueError)):
        getattr(Conformance(), test)()
