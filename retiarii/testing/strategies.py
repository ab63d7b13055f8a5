"""What every strategy has to do, as tests: derive from `StrategyConformance` in a test file."""

from __future__ import annotations

import copy
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from itertools import islice
from typing import ClassVar

from retiarii.domain import Domain, Sample
from retiarii.strategy import Objectives, Strategy
from retiarii.testing.domains import DOMAINS
from retiarii.trial import Trial

_SEED = 20
_SMALL = 1000


class StrategyConformance(ABC):
    """Tests of the contract of `Strategy`, run on domains of many kinds::

    class TestMine(StrategyConformance):
        def make(self):
            return Mine()
    """

    domains: ClassVar[Mapping[str, Domain]] = DOMAINS
    """What the strategy can search; take out what it says it cannot."""

    objectives: ClassVar[Objectives] = {"score": "maximize"}

    repeats: ClassVar[bool] = False
    """Whether it may propose a sample again."""

    @abstractmethod
    def make(self) -> Strategy:
        """A new strategy, not bound yet."""

    def test_proposes_what_the_domain_contains(self) -> None:
        for name, strategy in self._bound():
            for sample in islice(_searching(strategy), 40):
                canonical = strategy.domain.canonical(sample)
                _expect(canonical == sample, f"{name}: {sample} is not canonical, which is {canonical}")

    def test_does_not_repeat_itself(self) -> None:
        for name, strategy in self._bound():
            keys = [_key(sample) for sample in islice(_searching(strategy), 40)]
            _expect(self.repeats or len({*keys}) == len(keys), f"{name}: a sample was proposed twice: {keys}")

    def test_ends_when_all_samples_are_tried(self) -> None:
        for name, strategy in self._bound():
            if self.repeats or strategy.domain.size > _SMALL:
                continue
            size = int(strategy.domain.size)
            tried = len(list(islice(_searching(strategy), size + 1)))
            _expect(tried == size, f"{name}: ended after {tried} of {size} samples")
            _expect(strategy.ask() is None, f"{name}: went on after the end")

    def test_the_same_seed_gives_the_same_samples(self) -> None:
        for (name, first), (_, second) in zip(self._bound(), self._bound(), strict=True):
            one, two = list(islice(_searching(first), 30)), list(islice(_searching(second), 30))
            _expect(one == two, f"{name}: {one} is not {two}")

    def test_binding_again_starts_anew(self) -> None:
        for name, strategy in self._bound():
            before = list(islice(_searching(strategy), 20))
            strategy.bind(strategy.domain, self.objectives, _SEED)
            after = list(islice(_searching(strategy), 20))
            _expect(before == after, f"{name}: {before} is not {after}")

    def test_survives_failed_and_stopped_trials(self) -> None:
        for name, strategy in self._bound():
            for number, sample in enumerate(islice(_asking(strategy), 20)):
                running = Trial(number, sample).running()
                strategy.tell(running.stopped() if number % 2 else running.failed("Traceback: no luck"))
            _expect(self._goes_on(strategy, 20), f"{name}: nothing is proposed any more")

    def test_takes_several_asks_before_a_tell_and_tells_in_any_order(self) -> None:
        for name, strategy in self._bound():
            for first in (0, 4, 8):
                out = [Trial(first + place, sample) for place, sample in enumerate(islice(_asking(strategy), 4))]
                for trial in reversed(out):
                    strategy.tell(_completed(trial, self.objectives))
            _expect(self._goes_on(strategy, 12), f"{name}: nothing is proposed any more")

    def test_accepts_trials_it_never_asked_for(self) -> None:
        for name, strategy in self._bound():
            others = self._foreign(strategy.domain, 10)
            for number, sample in enumerate(others):
                strategy.tell(_completed(Trial(number, sample), self.objectives))
            keys = {_key(sample) for sample in others}
            new = [sample for sample in islice(_asking(strategy), 3) if _key(sample) not in keys]
            _expect(self.repeats or bool(new) or self._spent(strategy, len(keys)), f"{name}: nothing new is proposed")

    def test_a_replay_goes_on_as_if_nothing_had_happened(self) -> None:
        for (name, whole), (_, resumed) in zip(self._bound(), self._bound(), strict=True):
            expected = list(islice(_searching(whole), 25))
            cut = min(11, len(expected) - 1)
            for number, sample in enumerate(expected[:cut]):
                resumed.tell(_completed(Trial(number, sample), self.objectives))
            waiting = Trial(cut, expected[cut])
            resumed.tell(waiting)
            resumed.tell(_completed(waiting, self.objectives))
            found = list(islice(_searching(resumed, cut + 1), 25 - cut - 1))
            _expect(found == expected[cut + 1 :], f"{name}: {found} is not {expected[cut + 1 :]}")

    def test_leaves_alone_what_it_is_told(self) -> None:
        for name, strategy in self._bound():
            trials = []
            for number, sample in enumerate(islice(_asking(strategy), 10)):
                trial = _completed(Trial(number, sample), self.objectives)
                trials.append((trial, copy.deepcopy(trial)))
                strategy.tell(trial)
            for trial, before in trials:
                _expect(trial == before, f"{name}: {before} became {trial}")

    def _bound(self) -> Iterator[tuple[str, Strategy]]:
        for name, domain in self.domains.items():
            strategy = self.make()
            strategy.bind(domain, self.objectives, _SEED)
            yield name, strategy

    def _goes_on(self, strategy: Strategy, tried: int) -> bool:
        sample = strategy.ask()
        return strategy.domain.contains(sample) if sample is not None else self._spent(strategy, tried)

    def _spent(self, strategy: Strategy, tried: int) -> bool:
        return not self.repeats and strategy.domain.size <= tried

    def _foreign(self, domain: Domain, count: int) -> list[Sample]:
        other = self.make()
        other.bind(domain, self.objectives, _SEED + 1)
        return list(islice(_searching(other), count))


def _searching(strategy: Strategy, first: int = 0) -> Iterator[Sample]:
    """Proposals, each of which has been told before the next is asked for."""
    number = first
    while (sample := strategy.ask()) is not None:
        yield sample
        strategy.tell(_completed(Trial(number, sample), strategy.objectives))
        number += 1


def _asking(strategy: Strategy) -> Iterator[Sample]:
    while (sample := strategy.ask()) is not None:
        yield sample


def _completed(trial: Trial, objectives: Objectives) -> Trial:
    return trial.running().completed({name: _score(name, trial.sample) for name in objectives})


def _score(objective: str, sample: Sample) -> float:
    """A number from 0 to 1 that depends on nothing but the arguments."""
    digest = blake2b(json.dumps([objective, sample]).encode(), digest_size=4).digest()
    return int.from_bytes(digest) / 2**32


def _key(sample: Sample) -> str:
    return json.dumps(sample)


def _expect(holds: bool, message: str) -> None:
    if not holds:
        raise AssertionError(message)
