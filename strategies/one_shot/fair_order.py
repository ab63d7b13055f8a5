"""Strictly fair rounds: samples in which all candidates of a choice take their turns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from retiarii.domain import Categorical, Domain, Sample, Subset, Value
from retiarii.domain.activity import Condition
from retiarii.domain.value import identity

MOST_PATHS = 16
"""As many samples make a round at most; a choice with more candidates takes several rounds."""
_MOST_COUNTED = 4096
_DEALS = 20


class FairOrder(nn.Module):
    """Deals samples so that each value of each choice is trained as often as the others, give or take one.

    For each choice that is active, a path takes one of the values that were trained least, by chance. So a choice with
    as many candidates as a round has paths has each of them once in every round; one with fewer has each as often as
    another after every few rounds; and one that is active only sometimes has its turns when it is. Of choices with more
    than 4096 values, or a continuous range, values are drawn.

    Within constraints, a path is the first of 20 dealt like that which keeps them; if none does, it is the one of 20
    random samples that keep them whose values were trained least. So what the constraints leave equal is equal.

    Source: Chu et al., "FairNAS", ICCV 2021, section 3.3, in which all choices have as many candidates.

    Args:
        domain: What there is to choose.
        seed: A non-negative integer.

    Attributes:
        paths: how many samples make a round: as many as the choice with the most candidates has, a `Subset` counting
            its inputs and a range of numbers nothing; at most 16.
    """

    rounds: Tensor

    def __init__(self, domain: Domain, seed: int) -> None:
        super().__init__()
        self.domain = domain
        self._seed = seed
        self._conditions = {label: Condition(label, given) for label, given in domain.conditions.items()}
        self._values = {
            label: list(choice.values()) for label, choice in domain.choices.items() if choice.size <= _MOST_COUNTED
        }
        self._places = {
            label: {identity(value): place for place, value in enumerate(values)}
            for label, values in self._values.items()
        }
        self.paths = min(MOST_PATHS, max([_candidates(choice) for choice in domain.choices.values()], default=1))
        self.register_buffer("rounds", torch.zeros((), dtype=torch.int64))
        for place, values in enumerate(self._values.values()):
            self.register_buffer(f"trained_{place}", torch.zeros(len(values), dtype=torch.int64))

    def counts(self) -> Mapping[str, Tensor]:
        """How often each value of each counted choice was dealt, in the order of its values."""
        return {label: self.get_buffer(f"trained_{place}") for place, label in enumerate(self._values)}

    def deal(self) -> list[Sample]:
        """The samples of the next round."""
        buffers = self.counts()
        counts = {label: buffer.cpu().numpy().copy() for label, buffer in buffers.items()}
        rng = np.random.default_rng([self._seed, int(self.rounds)])
        dealt = []
        for _ in range(self.paths):
            sample = self._path(counts, rng)
            for label in sample.keys() & counts.keys():
                counts[label][self._place(label, sample[label])] += 1
            dealt.append(sample)
        self.rounds += 1
        for label, buffer in buffers.items():
            buffer.copy_(torch.from_numpy(counts[label]))
        return dealt

    def _path(self, counts: Mapping[str, Any], rng: np.random.Generator) -> Sample:
        for _ in range(_DEALS):
            sample = self._least_trained(counts, rng)
            if self.domain.keeps(sample):
                return sample
        return min([self.domain.random(rng) for _ in range(_DEALS)], key=lambda sample: self._lead(sample, counts))

    def _least_trained(self, counts: Mapping[str, Any], rng: np.random.Generator) -> Sample:
        sample: Sample = {}
        for label, choice in self.domain.choices.items():
            condition = self._conditions.get(label)
            if condition is not None and not condition.verdict(sample):
                continue
            if label in counts:
                least = np.flatnonzero(counts[label] == counts[label].min())
                sample[label] = self._values[label][int(least[int(rng.random() * len(least))])]
            else:
                sample[label] = choice.random(rng)
        return sample

    def _lead(self, sample: Sample, counts: Mapping[str, Any]) -> int:
        """By how much the values of a sample were trained more than the least trained."""
        shared = sample.keys() & counts.keys()
        return sum([int(counts[label][self._place(label, sample[label])] - counts[label].min()) for label in shared])

    def _place(self, label: str, value: Value) -> int:
        return self._places[label][identity(value)]


def _candidates(choice: Any) -> int:
    if isinstance(choice, Subset):
        return choice.n_candidates
    return len(choice.candidates) if isinstance(choice, Categorical) else 1
