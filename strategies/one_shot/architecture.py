"""The architecture parameters of a supernet: one number for each candidate, trained by gradients or rewards."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from retiarii.domain import Categorical, Choice, Domain, Sample, Subset
from retiarii.domain.value import frozen
from retiarii.errors import SpaceError

MOST_VALUES = 4096
"""As many values of one choice can have a probability of their own."""
_SPREAD = 1e-3
"""The standard deviation of the first numbers, as in DARTS."""


class Architecture(nn.Module):
    """For every label a distribution over its values, given by one trainable number (a logit) for each candidate.

    A `Categorical` has the softmax of its numbers. A `Subset` of several inputs is as likely as the exponential of the
    sum of theirs: for one input that is the softmax, too, and for any number of inputs each is in or out by itself.

    Args:
        domain: What there is to choose.
        labels: Those of its labels that are weighed; all by default.

    Attributes:
        values: by label what it can be, lists as tuples.

    Raises:
        SpaceError: a choice has too many values, or a continuous range of them.
    """

    def __init__(self, domain: Domain, labels: Iterable[str] | None = None) -> None:
        super().__init__()
        self.domain = domain
        self.labels = tuple(domain.labels if labels is None else labels)
        self.values = {label: _values(domain.choices[label]) for label in self.labels}
        sizes = {label: _size(domain.choices[label]) for label in self.labels}
        self.numbers = nn.ParameterList([nn.Parameter(_SPREAD * torch.randn(sizes[label])) for label in self.labels])
        self._places = {label: place for place, label in enumerate(self.labels)}
        for label in self.labels:
            if isinstance(domain.choices[label], Subset):
                self.register_buffer(f"members_{self._places[label]}", _members(self.values[label], sizes[label]))

    def number(self, label: str) -> nn.Parameter:
        """The trainable numbers of a label, shape (candidates,)."""
        number: nn.Parameter = self.numbers[self._places[label]]
        return number

    def logits(self, label: str) -> Tensor:
        """One number for each value of a label, of which the softmax gives the probabilities; shape (values,)."""
        number = self.number(label)
        if not isinstance(self.domain.choices[label], Subset):
            return number
        return self.get_buffer(f"members_{self._places[label]}").to(number.dtype) @ number

    def probabilities(self, label: str) -> Tensor:
        """How likely each value of a label is, shape (values,)."""
        return self.logits(label).softmax(0)

    def sample(self, places: Mapping[str, int]) -> Sample:
        """What values at some places decide, without labels that are of no account then; constraints are not looked at.

        Args:
            places: For each label the place of its value.
        """
        decisions = {label: _plain(self.values[label][place]) for label, place in places.items()}
        return self.domain.unconstrained.canonical(decisions)

    @torch.no_grad()
    def weights(self) -> dict[str, dict[Any, float]]:
        """How likely each candidate is, by label; of a subset, how likely it holds each input."""
        return {label: dict(zip(*self._candidates(label), strict=True)) for label in self.labels}

    def _candidates(self, label: str) -> tuple[list[Any], list[float]]:
        choice, likely = self.domain.choices[label], self.probabilities(label)
        if isinstance(choice, Subset):
            members = self.get_buffer(f"members_{self._places[label]}").to(likely.dtype)
            return list(range(choice.n_candidates)), (likely @ members).tolist()
        return list(self.values[label]), likely.tolist()

    @torch.no_grad()
    def most_likely(self) -> Iterator[Sample]:
        """The samples that keep the constraints, the most likely first, each once.

        Choices that a sample leaves open count as if they were decided in the most likely way.
        """
        ranked = {label: _ranked(self.logits(label).log_softmax(0), self.values[label]) for label in self.labels}
        seen: set[str] = set()
        for decisions in _best_first(ranked):
            sample = self.domain.unconstrained.canonical(decisions)
            key = repr(sample)
            if key not in seen and self.domain.keeps(sample):
                seen.add(key)
                yield sample


def _best_first(ranked: Mapping[str, list[tuple[float, Any]]]) -> Iterator[dict[str, Any]]:
    """All decisions, by falling sum of their logarithms."""
    labels = list(ranked)
    start = (0,) * len(labels)
    heap = [(-math.fsum(ranked[label][0][0] for label in labels), start, 0)]
    while heap:
        cost, indices, first = heapq.heappop(heap)
        yield {label: _plain(ranked[label][index][1]) for label, index in zip(labels, indices, strict=True)}
        for place in range(first, len(labels)):
            own, index = ranked[labels[place]], indices[place]
            if index + 1 < len(own):
                further = (*indices[:place], index + 1, *indices[place + 1 :])
                heapq.heappush(heap, (cost + own[index][0] - own[index + 1][0], further, place))


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _ranked(logarithms: Tensor, values: tuple[Any, ...]) -> list[tuple[float, Any]]:
    order = sorted(zip(logarithms.tolist(), range(len(values)), strict=True), key=lambda pair: (-pair[0], pair[1]))
    return [(logarithm, values[index]) for logarithm, index in order]


def _values(choice: Choice) -> tuple[Any, ...]:
    if choice.size > MOST_VALUES:
        many = "a continuous range of values" if choice.size == math.inf else f"{choice.size} values"
        raise SpaceError(
            f"the choice {choice.label!r} has {many}, and at most {MOST_VALUES} can have a probability each: give "
            "fewer candidates, or use RandomOneShot, which draws them"
        )
    return tuple([frozen(value) for value in choice.values()])


def _size(choice: Choice) -> int:
    if isinstance(choice, Subset):
        return choice.n_candidates
    return len(choice.candidates) if isinstance(choice, Categorical) else int(choice.size)


def _members(subsets: tuple[tuple[int, ...], ...], count: int) -> Tensor:
    """Which subset holds which candidate, shape (subsets, candidates)."""
    made = torch.zeros(len(subsets), count)
    for row, subset in enumerate(subsets):
        made[row, list(subset)] = 1
    return made
