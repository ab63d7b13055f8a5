"""What a step of RandomOneShot costs beside the plain step of the same model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch.nn.functional import cross_entropy

from one_shot.networks import LayerSpace, WidthSpace, WiringSpace
from one_shot.ours import sampled_steps
from one_shot.plain import SlicedNetwork
from one_shot.steps import Batch, batch_of, plain_step, sgd
from one_shot.turns import in_turns, judged
from retiarii import ModelSpace
from retiarii.domain import Sample

LIMIT = 1.02
SPACES: tuple[tuple[str, type[ModelSpace], int], ...] = (
    ("LayerChoice", LayerSpace, 8),
    ("LayerChoice", LayerSpace, 20),
    ("InputChoice and Repeat", WiringSpace, 8),
    ("ValueChoice of width and kernel", WidthSpace, 8),
)


def sampled_rows(batches: list[int], repeats: int, samples: int) -> Iterator[dict[str, Any]]:
    """For each space and batch size a step against that of the frozen models; superkernels also against slices."""
    for name, space, count in SPACES:
        for size in batches:
            yield against_frozen(
                f"RandomOneShot, {name} x{count}, batch of {size}", space(count), size, repeats, samples
            )
    for size in batches:
        yield against_slices(WidthSpace(8), 8, size, repeats, samples)


def against_frozen(name: str, space: ModelSpace, size: int, repeats: int, samples: int) -> dict[str, Any]:
    """Following a sample, forward, backward and the optimizer's step, against the last three alone."""
    batch = batch_of(size)
    twin = type(space)(*vars(space)["_space_made_by"][1])
    drawn, ours = sampled_steps(space, batch, samples)
    theirs = [plain_step(twin.freeze(sample).train(), batch) for sample in drawn]
    return judged(name, "the frozen models, built beforehand", LIMIT, in_turns(ours, theirs, repeats))


def against_slices(space: WidthSpace, count: int, size: int, repeats: int, samples: int) -> dict[str, Any]:
    """The same against parts of weights taken by hand."""
    batch = batch_of(size)
    drawn, ours = sampled_steps(space, batch, samples)
    theirs = sliced_steps(SlicedNetwork(count).train(), drawn, batch)
    name = f"RandomOneShot, ValueChoice of width and kernel x{count}, batch of {size}"
    return judged(name, "parts of weights taken by hand", LIMIT, in_turns(ours, theirs, repeats))


def sliced_steps(network: SlicedNetwork, samples: list[Sample], batch: Batch) -> list[Callable[[], None]]:
    """Steps of one set of weights, of which each sample uses a part."""
    optimizer = sgd(network.parameters())

    def step(sample: Sample) -> None:
        network.shapes = [(sample[f"width{index}"], sample[f"kernel{index}"]) for index in range(len(network.body))]
        cross_entropy(network(batch[0]), batch[1]).backward()
        optimizer.step()
        optimizer.zero_grad()

    return [lambda sample=sample: step(sample) for sample in samples]
