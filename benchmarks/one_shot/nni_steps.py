"""What steps of NNI 3.0's supernets cost, against the same plain networks; run by an interpreter that has NNI.

python benchmarks/one_shot/nni_steps.py REPEATS BATCH [BATCH ...]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from nni.nas.nn.pytorch import LayerChoice, ModelSpace
from nni.nas.oneshot.pytorch import strategy
from nni.nas.oneshot.pytorch.supermodule.base import BaseSuperNetModule
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from one_shot.plain import Classifier, MixedNetwork, PathNetwork, operations, stem
from one_shot.steps import Batch, batch_of, darts_adam, darts_step, plain_step, sgd
from one_shot.turns import in_turns

COUNT, SAMPLES = 8, 4


class LayerSpace(ModelSpace):
    """One of seven operations, again and again."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.stem = stem()
        self.body = nn.Sequential(
            *[LayerChoice(operations(), label=f"operation{index}") for index in range(count)],
        )
        self.head = Classifier()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(self.stem(x)))


def supernet(method: Any) -> tuple[nn.Module, list[BaseSuperNetModule]]:
    """A space, changed in place by a strategy, and its choices."""
    space = method.mutate_model(LayerSpace(COUNT)).train()
    return space, [module for module in space.modules() if isinstance(module, BaseSuperNetModule)]


def sampled_steps(batch: Batch) -> tuple[list[dict[str, Any]], list[Callable[[], None]]]:
    """Steps of RandomOneShot, each with a sample of its own, which was drawn beforehand."""
    space, choices = supernet(strategy.RandomOneShot())
    optimizer = sgd(space.parameters())

    def step(sample: dict[str, Any]) -> None:
        resample(choices, sample)
        cross_entropy(space(batch[0]), batch[1]).backward()
        optimizer.step()
        optimizer.zero_grad()

    samples = [resample(choices, {}) for _ in range(SAMPLES)]
    return samples, [lambda sample=sample: step(sample) for sample in samples]


def resample(choices: list[BaseSuperNetModule], known: dict[str, Any]) -> dict[str, Any]:
    """Tells each choice what it is, as NNI does before each step; what is not known yet is drawn."""
    result = dict(known)
    for choice in choices:
        result.update(choice.resample(memo=result))
    return result


def mixture_step(batch: Batch) -> Callable[[], None]:
    """A first-order step of DARTS, as NNI's module does it: backward through everything, twice."""
    space, choices = supernet(strategy.DARTS())
    alphas = list({id(alpha): alpha for choice in choices for alpha in choice.arch_parameters()}.values())
    own = {id(alpha) for alpha in alphas}
    weights = sgd([parameter for parameter in space.parameters() if id(parameter) not in own])
    architecture = darts_adam(alphas)

    def step() -> None:
        architecture.zero_grad()
        cross_entropy(space(batch[0]), batch[1]).backward()
        architecture.step()
        weights.zero_grad()
        cross_entropy(space(batch[0]), batch[1]).backward()
        weights.step()

    return step


def rows(repeats: int, sizes: list[int]) -> Iterator[dict[str, Any]]:
    """Each against the peers of our own rows."""
    for size in sizes:
        batch = batch_of(size)
        samples, ours = sampled_steps(batch)
        keys = [[sample[f"operation{index}"] for index in range(COUNT)] for sample in samples]
        theirs = [plain_step(PathNetwork([int(key) for key in own]).train(), batch) for own in keys]
        name = f"NNI 3.0's RandomOneShot, LayerChoice x{COUNT}, batch of {size}"
        yield {"what": name, "against": "the plain networks of the samples", **in_turns(ours, theirs, repeats)}
        by_hand = darts_step(MixedNetwork(COUNT).train(), batch)
        name = f"NNI 3.0's DARTS, first order, LayerChoice x{COUNT}, batch of {size}"
        peer = "the same mixture written by hand"
        yield {"what": name, "against": peer, **in_turns([mixture_step(batch)], [by_hand], repeats)}


def main() -> None:
    """Measure and print, one JSON object a line."""
    torch.set_num_threads(1)
    repeats, *sizes = map(int, sys.argv[1:])
    for row in rows(repeats, sizes):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
