"""Which decisions mutators ask for, found out by letting them run."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from retiarii.domain.choice import Choice, Numeric
from retiarii.domain.domain import Domain
from retiarii.domain.value import Sample
from retiarii.errors import SampleError, SpaceError
from retiarii.graph import Graph
from retiarii.space.mutator import Mutator, mutated
from retiarii.space.ways import Asked, Explored, Run

MOST_RUNS = 4096
FEW_RUNS = 256
"""As many ways of deciding everything are simply all tried."""


def sample_values(candidates: Sequence[object]) -> tuple[Any, ...]:
    """What a sample says for each candidate: plain values are their own name, other things are known by their index."""
    plain = all(_is_plain(candidate) for candidate in candidates)
    values = tuple(candidates) if plain else tuple(range(len(candidates)))
    return values if len({(type(value), value) for value in values}) == len(values) else tuple(range(len(candidates)))


def _is_plain(value: object) -> bool:
    if isinstance(value, tuple):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, bool | int | float | str)


def explore(lowered: Callable[[Sample], Graph], domain: Domain, mutators: Sequence[Mutator]) -> Explored:
    """The decisions that mutators ask for.

    Where there are few ways of deciding everything, all are tried. Otherwise each choice is changed by itself. If
    other choices of the same mutator are others then, it is run in every way it can, and if those of other mutators
    are, all mutators together. Choices of the model itself that change something are decided in every way.

    Args:
        lowered: the model's graph for a sample of its own choices.
        domain: the model's own choices.
        mutators: in the order in which they are applied.

    Raises:
        SpaceError: two mutators of one label, or too many ways.
    """
    twice = [label for label, count in Counter(mutator.label for mutator in mutators).items() if count > 1]
    if twice:
        raise SpaceError(f"two mutators have the label {twice[0]!r}: give each a label of its own, Mutator(label=...)")
    return _Exploration(lowered, domain, mutators).explored()


class _Exploration:
    def __init__(self, lowered: Callable[[Sample], Graph], domain: Domain, mutators: Sequence[Mutator]) -> None:
        self.lowered = lowered
        self.domain = domain
        self.mutators = mutators
        self.relevant = set(domain.labels)

    def explored(self) -> Explored:
        if self.domain.size <= FEW_RUNS:
            runs = self._all_ways(self.domain.grid(), self.mutators, FEW_RUNS)
            if runs is not None:
                return self._merged([runs])
        samples = self._samples_that_matter()
        groups = []
        for mutator in self.mutators:
            runs = self._ways_of(mutator, samples)
            if runs is None:
                return self._merged([self._required_ways(samples, self.mutators)])
            groups.append(runs)
        return self._merged(groups)

    def _merged(self, groups: Iterable[Sequence[Run]]) -> Explored:
        explored = Explored(self.domain.choices, [mutator.label for mutator in self.mutators])
        for runs in groups:
            explored.add(runs)
        return explored

    def _run(self, sample: Sample, steered: Sequence[Mutator], picks: Sequence[int]) -> Run:
        """One run: the first choices of the steered mutators as given, all others the first candidate."""
        asked: list[Asked] = []
        counts: Counter[str] = Counter()
        left = list(reversed(picks))

        def decide(mutator: Mutator, candidates: Sequence[object]) -> int:
            values = sample_values(candidates)
            picked = left.pop() if left and mutator in steered else 0
            asked.append(Asked(mutator.label, counts[mutator.label], values, picked))
            counts[mutator.label] += 1
            return picked

        mutated(self.lowered(sample), self.mutators, decide)
        decided = tuple([(label, _hashable(value)) for label, value in sample.items() if label in self.relevant])
        return Run(decided, asked)

    def _all_ways(self, samples: Iterable[Sample], steered: Sequence[Mutator], most: int) -> list[Run] | None:
        """Every run that there is; None if there are more than `most`."""
        labels = {mutator.label for mutator in steered}
        runs: list[Run] = []
        for sample in samples:
            waiting: list[list[int]] = [[]]
            while waiting:
                picks = waiting.pop()
                run = self._run(sample, steered, picks)
                runs.append(run)
                if len(runs) > most:
                    return None
                waiting.extend(_branches([asked for asked in run.asked if asked.base in labels], len(picks)))
        return runs

    def _required_ways(self, samples: Sequence[Sample], steered: Sequence[Mutator]) -> list[Run]:
        runs = self._all_ways(samples, steered, MOST_RUNS)
        if runs is None:
            raise _too_many([mutator.label for mutator in steered])
        return runs

    def _ways_of(self, mutator: Mutator, samples: Sequence[Sample]) -> list[Run] | None:
        """The runs that tell all of one mutator's choices; None if they change what other mutators ask for."""
        runs = self._single_changes(samples[0], mutator)
        label, own = mutator.label, [run.of(mutator.label) for run in runs]
        if len(samples) > 1 or any(run.shape != own[0].shape for run in own):
            runs = self._required_ways(samples, [mutator])
            own = [run.of(label) for run in runs]
        else:
            own = own[:1]
        others: dict[Any, Any] = {}
        for run in runs:
            if others.setdefault(run.model, run.shape_without(label)) != run.shape_without(label):
                return None
        return own

    def _single_changes(self, sample: Sample, mutator: Mutator) -> list[Run]:
        """A run with all first candidates, and one for each other candidate of each choice."""
        first = self._run(sample, [mutator], [])
        runs = [first]
        for position, asked in enumerate(first.of(mutator.label).asked):
            for pick in range(1, len(asked.values)):
                runs.append(self._run(sample, [mutator], [*[0] * position, pick]))
        return runs

    def _samples_that_matter(self) -> list[Sample]:
        """Samples of the model that tell all of how its own choices change what mutators ask for."""
        default = self.domain.default()
        shape = self._run(default, (), []).shape
        relevant: list[str] = []
        for label, choice in self.domain.choices.items():
            others = [self._completed({label: value}) for value in _some_values(choice)]
            if any(self._run(sample, (), []).shape != shape for sample in others):
                relevant.append(label)
        self.relevant = set(relevant)
        choices = [self.domain.choices[label] for label in relevant]
        if math.prod(choice.size for choice in choices) > MOST_RUNS:
            raise _too_many([*relevant, *[mutator.label for mutator in self.mutators]])
        ways = itertools.product(*[list(choice.values()) for choice in choices])
        return _distinct([self._completed(dict(zip(relevant, way, strict=True))) for way in ways])

    def _completed(self, partial: Mapping[str, Any]) -> Sample:
        sample: Sample = {}
        while following := self.domain.active(sample):
            for choice in following:
                sample[choice.label] = partial.get(choice.label, choice.default)
        return sample


class Replay:
    """Decides mutators' choices as a sample says."""

    def __init__(self, explored: Explored, sample: Mapping[str, Any]) -> None:
        self.explored = explored
        self.sample = sample
        self.counts: Counter[str] = Counter()

    def __call__(self, mutator: Mutator, candidates: Sequence[object]) -> int:
        values = sample_values(candidates)
        asked = Asked(mutator.label, self.counts[mutator.label], values, 0)
        self.counts[mutator.label] += 1
        label = self.explored.label(asked)
        if label is None or label not in self.sample:
            raise SampleError(
                f"mutator {mutator.label!r} asks for choice {asked.index} among {list(values)}, which the sample does "
                "not decide: its choices depend on other decisions in a way that was not seen; make all of them in one "
                "mutator, the deciding ones first"
            )
        chosen = self.sample[label]
        return next(index for index, value in enumerate(values) if type(value) is type(chosen) and value == chosen)


def _branches(asked: Sequence[Asked], settled: int) -> Iterator[list[int]]:
    """The ways that leave a run where it took the first candidate of its own accord."""
    for position in range(len(asked) - 1, settled - 1, -1):
        taken = [earlier.picked for earlier in asked[:position]]
        for pick in range(len(asked[position].values) - 1, 0, -1):
            yield [*taken, pick]


def _some_values(choice: Choice) -> Iterable[Any]:
    """All values but the default; of a range of numbers its ends."""
    if isinstance(choice, Numeric):
        return (choice.low, choice.high)
    return [value for value in choice.values() if value != choice.default]


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _distinct(samples: Sequence[Sample]) -> list[Sample]:
    return list({repr(sample): sample for sample in samples}.values())


def _too_many(labels: Sequence[str]) -> SpaceError:
    named = ", ".join([repr(label) for label in labels])
    return SpaceError(
        f"the choices of {named} depend on one another in more than {MOST_RUNS} ways; split the mutator, so that "
        "independent choices are made by mutators of their own"
    )
