"""What a step of DARTS costs beside the same mixture written by hand."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

from torch import Tensor

from one_shot.networks import LayerSpace
from one_shot.ours import darts_module_step, module_of
from one_shot.plain import MixedNetwork
from one_shot.steps import Batch, batch_of, darts_step
from one_shot.turns import in_turns, judged
from retiarii.strategies import DARTS
from retiarii.strategies.one_shot.alternating import AlternatingModule
from retiarii.strategies.one_shot.module import SupernetModule

LIMIT = 1.02
PEER = "the same mixture written by hand"


def mixture_rows(counts: list[int], batches: list[int], repeats: int) -> Iterator[dict[str, Any]]:
    """For each number of choices and batch size a first-order step, and the forward alone."""
    for count, size in itertools.product(counts, batches):
        module, network = module_of(DARTS(), LayerSpace(count)), MixedNetwork(count).train()
        batch = batch_of(size)
        times = in_turns([darts_module_step(module, batch)], [darts_step(network, batch)], repeats)
        yield judged(f"DARTS, first order, LayerChoice x{count}, batch of {size}", PEER, LIMIT, times)
        times = in_turns([partial(weighed, module, batch)], [partial(network, batch[0], is_architecture=True)], repeats)
        yield judged(f"DARTS, forward alone, LayerChoice x{count}, batch of {size}", PEER, None, times)


def weighed(module: SupernetModule, batch: Batch) -> Tensor:
    """The outputs of the supernet, with gradients for its architecture."""
    assert isinstance(module, AlternatingModule)
    module.supernet.decide(module.distribution())
    outputs: Tensor = module(batch[0])
    return outputs
