"""Iterated local search."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import suppress
from itertools import count, groupby, takewhile
from operator import itemgetter

import numpy as np

from retiarii.domain import Domain, Sample, Value
from retiarii.errors import DomainError
from retiarii.strategies.digest import digest
from retiarii.strategies.score import single_objective
from retiarii.strategy import Objectives, Strategy
from retiarii.trial import Trial

_KICK = 2
_KICKS_AHEAD = 100
_KICKS_FOR_A_TRIAL = 10
_PLACES_KEPT = 256
"""So many are remembered: most climbs end where others have ended before."""


class _Place:
    """A sample and its neighbours, in an order of its own; each is made when it is due."""

    def __init__(self, domain: Domain, sample: Sample, key: bytes, seed: int) -> None:
        self.sample = sample
        self.key = key
        self._domain = domain
        self._seed = seed
        self._moves: list[list[tuple[str, Value]]] | None = None
        self._made: list[tuple[bytes, Sample]] = []

    def neighbour(self, number: int) -> tuple[bytes, Sample] | None:
        """The key and the sample of neighbour `number`, counted from 0; None if there are fewer."""
        if self._moves is None:
            by_label = groupby(self._domain.moves(self.sample), key=itemgetter(0))
            self._moves = [list(moves) for _, moves in by_label]
            self._luck = random.Random(int.from_bytes(self.key) + self._seed)  # noqa: S311  (no secret)
        while len(self._made) <= number:
            if not self._moves:
                return None
            sample = self._domain.moved(self.sample, *self._drawn(self._moves))
            if self._domain.keeps(sample):
                self._made.append((digest(sample), sample))
        return self._made[number]

    def _drawn(self, moves: list[list[tuple[str, Value]]]) -> tuple[str, Value]:
        """Takes a move out. Its label is drawn first: one with many values would otherwise have most of the turns."""
        share = self._luck.random() * len(moves)
        place = int(share)
        values = moves[place]
        chosen = int((share - place) * len(values))
        values[chosen], values[-1] = values[-1], values[chosen]
        move = values.pop()
        if not values:
            del moves[place]
        return move

    def neighbours(self, first: int) -> Iterator[tuple[bytes, Sample]]:
        """Those from number `first` on."""
        return takewhile(bool, map(self.neighbour, count(first)))  # type: ignore[arg-type]


class LocalSearch(Strategy):
    """Climbs from a random sample to better neighbours, and from where that ends starts anew not far from the best.

    Neighbours differ in one decision (`Domain.neighbours`) and are tried in random order, every label as likely to be
    the next one changed; the first that is better is the next to stand on. Where none is, the best such place so far
    is changed in two decisions, and the climb starts again from there. A search that stands still for too long,
    because all around is known, draws at random.

    What is proposed depends on the outcomes known, not on the order in which trials ended: those that run are taken
    for no better than where the climb stands, until they are.

    Source: local search for architectures as in White et al. 2021 ("Exploring the loss landscape in neural
    architecture search"), with the restarts of iterated local search (Lourenço et al. 2003) in place of random ones.

    Raises:
        ExperimentError: (when the search starts) there are several objectives.
    """

    def bind(self, domain: Domain, objectives: Objectives, seed: int) -> None:
        super().bind(domain, objectives, seed)
        self._score = single_objective(self)
        self._scores: dict[bytes, float] = {}
        self._out: set[bytes] = set()
        self._same: dict[bytes, bytes] = {}
        self._asked: set[bytes] = set()
        self._dropped: set[bytes] = set()
        self._places: dict[bytes, _Place] = {}
        self._kicks = 0
        self._is_stuck = False
        self._latest: tuple[Sample, bytes] = {}, b""
        self._best: tuple[float, Sample] | None = None
        self._stand_on(domain.random(np.random.default_rng([seed, 0])))

    def ask(self) -> Sample | None:
        if not self._is_stuck:
            due = self._climb()
            if due is None or not self._is_open(due[0]):
                due = next((neighbour for neighbour in self._wanted() if self._is_open(neighbour[0])), None)
            if due is not None:
                key, sample = due
                self._out.add(key)
                self._asked.add(key)
                self._latest = sample, key
                return sample
            self._is_stuck = True
            self._latest = {}, b""
        return self.domain.random(self.rng())

    def turned_away(self, sample: Sample, known: Sample) -> bool:
        """Takes the outcome of the model that it is the same as for that of the sample."""
        if self._is_stuck:
            return False
        key, same = digest(sample), digest(known)
        self._out.discard(key)
        self._asked.discard(key)
        if key == same or key in self._same:
            return False
        self._same[key] = same
        return True

    def tell(self, trial: Trial) -> None:
        super().tell(trial)
        self._is_stuck = False
        sample, key = self._latest
        if trial.sample is not sample:
            key = digest(trial.sample)
        self._dropped.discard(key)
        self._asked.discard(key)
        if not trial.has_ended:
            self._out.add(key)
            self._drop_others()
            return
        self._out.discard(key)
        score = self._score(trial)
        self._scores.setdefault(key, -math.inf if score is None else score)

    def _drop_others(self) -> None:
        """Something else became a trial in place of what was asked for before: that never will, and is no better."""
        self._out -= self._asked
        self._dropped |= self._asked
        self._asked.clear()

    def _is_open(self, key: bytes) -> bool:
        """Whether nothing is known of a sample, and nobody is finding out."""
        return not (key in self._scores or key in self._out or key in self._same or key in self._dropped)

    def _stand_on(self, sample: Sample) -> None:
        key = digest(sample)
        if key not in self._places:
            if len(self._places) == _PLACES_KEPT:
                self._places.clear()
            self._places[key] = _Place(self.domain, sample, key, self.seed)
        self._place = self._places[key]
        self._tried = 0

    def _climb(self) -> tuple[bytes, Sample] | None:
        """Goes on as far as outcomes are known, to what has to be tried next; None if it stands still."""
        while (height := self._outcome(self._place.key)) is not None:
            neighbour = self._place.neighbour(self._tried)
            if neighbour is None:
                if self._kicks >= _KICKS_FOR_A_TRIAL * len(self._scores):
                    return None
                self._best = self._better(height)
                self._kicks += 1
                self._stand_on(self._kicked(self._best[1], self._kicks))
                continue
            key, sample = neighbour
            score = self._outcome(key)
            if score is None:
                return neighbour
            if score > height:
                self._stand_on(sample)
            else:
                self._tried += 1
        return self._place.key, self._place.sample

    def _wanted(self) -> Iterator[tuple[bytes, Sample]]:
        """What the climb will need if all that runs turns out no better."""
        height = self._outcome(self._place.key)
        best = self._best
        if height is not None:
            yield from self._place.neighbours(self._tried)
            best = self._better(height)
        if best is not None:
            for number in range(self._kicks + 1, self._kicks + 1 + _KICKS_AHEAD):
                sample = self._kicked(best[1], number)
                yield digest(sample), sample

    def _outcome(self, key: bytes) -> float | None:
        score = self._scores.get(self._same.get(key, key))
        return -math.inf if score is None and key in self._dropped else score

    def _better(self, height: float) -> tuple[float, Sample]:
        if self._best is not None and self._best[0] >= height:
            return self._best
        return height, self._place.sample

    def _kicked(self, sample: Sample, number: int) -> Sample:
        """A sample that is two decisions away, if so many can be made otherwise."""
        rng = np.random.default_rng([self.seed, number])
        with suppress(DomainError):
            for _ in range(_KICK):
                sample = self.domain.mutated_at(sample, rng.random(2 + len(self.domain.labels)).tolist())
        return sample
