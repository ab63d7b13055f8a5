"""What every strategy has to do, as tests: derive from `StrategyConformance` in a test file."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Iterator, Mapping
from itertools import islice
from typing import ClassVar, TypeAlias

from retiarii.domain import Domain, Sample
from retiarii.strategies.deduplication import Deduplication
from retiarii.strategies.digest import digest
from retiarii.strategy import Objectives, Strategy
from retiarii.testing.domains import DOMAINS
from retiarii.testing.simulated_search import SimulatedSearch, outcome
from retiarii.trial import Trial

_SEED = 20
_SMALL = 100
_STEPS = 30
_CAPACITIES = (1, 3)
_KEYS = 50

Key: TypeAlias = Callable[[Sample], Hashable]


class StrategyConformance:
    """Tests of the contract of `Strategy`, run on domains of many kinds::

    class TestMine(StrategyConformance):
        def make(self):
            return Mine()
    """

    domains: ClassVar[Mapping[str, Domain]] = DOMAINS
    """What the strategy can search; take out what it says it cannot."""

    objectives: ClassVar[Objectives] = {"score": "maximize"}

    def make(self) -> Strategy:
        """A new strategy, not bound yet. To be written."""
        raise NotImplementedError(f"{type(self).__name__} needs a method make(self) that returns a new strategy")

    def test_proposes_what_the_domain_contains(self) -> None:
        for name, strategy in self._bound():
            for sample in SimulatedSearch(strategy, capacity=2).run(_STEPS).proposed:
                canonical = strategy.domain.canonical(sample)
                _expect(canonical == sample, f"{name}: {sample} is not canonical, which is {canonical}")

    def test_does_not_repeat_itself_unless_it_says_so(self) -> None:
        for name, strategy in self._bound():
            proposed = SimulatedSearch(strategy, capacity=2).run(_STEPS).proposed
            distinct = {digest(sample) for sample in proposed}
            _expect(strategy.repeats or len(distinct) == len(proposed), f"{name}: a sample came twice in {proposed}")

    def test_ends_when_all_samples_are_tried(self) -> None:
        for name, strategy in self._deduplicated():
            if strategy.domain.size > _SMALL:
                continue
            size = int(strategy.domain.size)
            tried = len(SimulatedSearch(strategy, capacity=2).run(size + 1).proposed)
            _expect(tried == size, f"{name}: ended after {tried} of {size} samples")
            _expect(strategy.ask() is None, f"{name}: went on after the end")

    def test_the_same_seed_gives_the_same_samples(self) -> None:
        for (name, first), (_, second) in zip(self._bound(), self._bound(), strict=True):
            one, two = (SimulatedSearch(strategy, capacity=2).run(_STEPS).proposed for strategy in (first, second))
            _expect(one == two, f"{name}: {one} is not {two}")

    def test_binding_again_starts_anew(self) -> None:
        for name, strategy in self._bound():
            before = SimulatedSearch(strategy).run(20).proposed
            strategy.bind(strategy.domain, self.objectives, _SEED)
            after = SimulatedSearch(strategy).run(20).proposed
            _expect(before == after, f"{name}: {before} is not {after}")

    def test_goes_on_where_everything_fails(self) -> None:
        for name, strategy in self._deduplicated():
            for number, sample in enumerate(islice(iter(strategy.ask, None), 20)):
                strategy.tell(Trial(number, sample).running().failed("Traceback: no luck"))
            _expect(self._goes_on(strategy, 20), f"{name}: nothing is proposed any more")

    def test_takes_several_asks_before_a_tell_and_tells_in_any_order(self) -> None:
        for name, strategy in self._deduplicated():
            for first in (0, 4, 8):
                asked = islice(iter(strategy.ask, None), 4)
                for trial in reversed([Trial(first + place, sample) for place, sample in enumerate(asked)]):
                    strategy.tell(outcome(trial, self.objectives))
            _expect(self._goes_on(strategy, 12), f"{name}: nothing is proposed any more")

    def test_accepts_trials_it_never_asked_for(self) -> None:
        for (name, strategy), (_, other) in zip(self._deduplicated(), self._deduplicated(_SEED + 1), strict=True):
            told = SimulatedSearch(other).run(10).ended
            for trial in told:
                strategy.tell(trial)
            known = {digest(trial.sample) for trial in told}
            new = [sample for sample in islice(iter(strategy.ask, None), 3) if digest(sample) not in known]
            _expect(bool(new) or self._spent(strategy, len(known)), f"{name}: nothing new is proposed")

    def test_a_resumed_search_goes_on_as_if_nothing_had_happened(self) -> None:
        for capacity in _CAPACITIES:
            for name, strategy in self._deduplicated():
                self._expect_same_when_resumed(name, SimulatedSearch(strategy, capacity=capacity), self._fresh())

    def test_what_was_turned_away_makes_no_difference_to_a_resumed_search(self) -> None:
        for name, strategy in self._deduplicated(key=_coarse):
            self._expect_same_when_resumed(name, SimulatedSearch(strategy, capacity=3), self._fresh(_coarse))

    def test_the_same_tells_give_the_same_asks(self) -> None:
        for (name, one), (_, two) in zip(self._bound(), self._bound(), strict=True):
            for trial in _told_without_waiting(one, 12):
                two.tell(trial)
            first, second = (list(islice(iter(strategy.ask, None), 3)) for strategy in (one, two))
            _expect(first == second, f"{name}: {first} is not {second}")

    def test_leaves_alone_what_it_is_told(self) -> None:
        for name, strategy in self._bound():
            trials = []
            for number, sample in enumerate(islice(iter(strategy.ask, None), 10)):
                trial = outcome(Trial(number, sample), self.objectives)
                trials.append((trial, copy.deepcopy(trial)))
                strategy.tell(trial)
            for trial, before in trials:
                _expect(trial == before, f"{name}: {before} became {trial}")

    def _bound(self) -> Iterator[tuple[str, Strategy]]:
        for name, domain in self.domains.items():
            strategy = self.make()
            strategy.bind(domain, self.objectives, _SEED)
            yield name, strategy

    def _deduplicated(self, seed: int = _SEED, key: Key = digest) -> Iterator[tuple[str, Strategy]]:
        for name, domain in self.domains.items():
            strategy = self._fresh(key)
            strategy.bind(domain, self.objectives, seed)
            yield name, strategy

    def _fresh(self, key: Key = digest) -> Strategy:
        return Deduplication(key).around(self.make())

    def _expect_same_when_resumed(self, name: str, search: SimulatedSearch, fresh: Strategy) -> None:
        search.run(_STEPS // 2)
        resumed = search.resumed(fresh)
        before = len(search.proposed)
        expected, found = (each.run(_STEPS // 2).proposed[before:] for each in (search, resumed))
        _expect(expected == found, f"{name}: after {before} trials {found} is not {expected}")

    def _goes_on(self, strategy: Strategy, tried: int) -> bool:
        sample = strategy.ask()
        return strategy.domain.contains(sample) if sample is not None else self._spent(strategy, tried)

    def _spent(self, strategy: Strategy, tried: int) -> bool:
        return strategy.domain.size <= tried


def _told_without_waiting(strategy: Strategy, count: int) -> list[Trial]:
    """Trials as somebody tells them who asks for several and tells each once, when it has ended, the last one first."""
    told: list[Trial] = []
    while len(told) < count:
        asked = list(islice(iter(strategy.ask, None), 3))
        if not asked:
            break
        trials = [Trial(len(told) + place, sample) for place, sample in enumerate(asked)]
        for trial in reversed(trials):
            told.append(outcome(trial, strategy.objectives))
            strategy.tell(told[-1])
    return told


def _coarse(sample: Sample) -> int:
    """A key that many samples share, as fingerprints may be shared."""
    return int.from_bytes(digest(sample)) % _KEYS


def _expect(holds: bool, message: str) -> None:
    if not holds:
        raise AssertionError(message)
