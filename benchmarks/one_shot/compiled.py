"""What `torch.compile` makes of a step of DARTS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from one_shot.networks import LayerSpace
from one_shot.ours import darts_module_step, module_of
from one_shot.steps import batch_of
from one_shot.turns import in_turns, timed
from retiarii.strategies import DARTS
from retiarii.strategies.one_shot.compilation import compiled

COUNT = 2


def compiled_rows(backends: list[str], size: int, repeats: int) -> Iterator[dict[str, Any]]:
    """For each backend how long the first step takes, and how long later ones do against steps without."""
    for backend in backends:
        torch._dynamo.reset()
        batch = batch_of(size)
        strategy = DARTS(compile={"backend": backend})
        module, eager = module_of(strategy, LayerSpace(COUNT)), module_of(DARTS(), LayerSpace(COUNT))
        module.load_state_dict(eager.state_dict())
        ours, theirs = darts_module_step(module, batch), darts_module_step(eager, batch)
        with compiled(strategy.compiled_modules(module.supernet), strategy.compile):
            first = timed(ours)
            theirs()
            times = in_turns([ours], [theirs], repeats)
        pairs = zip(module.parameters(), eager.parameters(), strict=True)
        yield {
            "what": f"DARTS compiled by {backend}, LayerChoice x{COUNT}, batch of {size}",
            "against": "the same without",
            "first_step_s": round(first["cpu"], 1),
            "wall_first_step_s": round(first["wall"], 1),
            "largest_difference": max(float((a - b).detach().abs().max()) for a, b in pairs),
            **times,
        }
