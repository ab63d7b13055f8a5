"""How much a step keeps for its backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from one_shot import plain
from one_shot.networks import LayerSpace
from one_shot.ours import module_of, quiet_trainer
from one_shot.steps import Batch, batch_of
from retiarii.strategies import DARTS, Proxyless
from retiarii.strategies.one_shot.alternating import AlternatingModule
from retiarii.strategies.one_shot.paths import drawn, two

LIMIT = 1.3
COUNT = 8
SPACES = {
    "inverted bottlenecks": partial(LayerSpace, COUNT, plain.bottlenecks),
    "single separable convolutions": partial(LayerSpace, COUNT),
}


def memory_rows(size: int, draws: int) -> Iterator[dict[str, Any]]:
    """The architecture's steps of Proxyless and of DARTS, against one path.

    A result that is looked at beside the path takes one tensor a choice, whatever the path keeps: a large share where
    candidates are as small as single separable convolutions, or nothing at all. So there is no limit for those.
    """
    for name, make in SPACES.items():
        for method, strategy in (("Proxyless", Proxyless()), ("DARTS", DARTS())):
            module = module_of(strategy, make())
            assert isinstance(module, AlternatingModule)
            module.trainer = quiet_trainer()
            pairs = [bytes_of_both(module, make, batch_of(size), index) for index in range(draws)]
            ratio = sum(ours for ours, _ in pairs) / sum(theirs for _, theirs in pairs)
            limit = LIMIT if method == "Proxyless" and name == "inverted bottlenecks" else None
            yield {
                "what": f"{method}, {name} x{COUNT}: bytes saved for the architecture's gradients, {draws} steps",
                "against": "the frozen models of the drawn paths",
                "ratio": round(ratio, 3),
                "largest_ratio": round(max(ours / theirs for ours, theirs in pairs), 3),
                "limit": limit,
                "holds": None if limit is None else ratio <= limit,
            }


def bytes_of_both(
    module: AlternatingModule, make: Callable[[], LayerSpace], batch: Batch, index: int
) -> tuple[int, int]:
    """The bytes that a step of the architecture keeps, and those of the path that is drawn for it."""
    sample = drawn(module.architecture, module.random(index, 0), two).sample
    model = make().freeze(sample).train()
    ours = bytes_saved(module.supernet.space, lambda: module.architecture_loss(batch, index))
    return ours, bytes_saved(model, lambda: cross_entropy(model(batch[0]), batch[1]))


def bytes_saved(model: nn.Module, loss: Callable[[], Tensor]) -> int:
    """The sizes of all storages that autograd keeps for a loss, each once; the model's own do not count."""
    own = {tensor.untyped_storage().data_ptr() for tensor in [*model.parameters(), *model.buffers()]}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = loss()
    assert result.requires_grad
    return sum([storage.nbytes() for storage in kept.values()])
