"""Gumbel noise, the largest of which added to logarithms of probabilities draws by these probabilities."""

from __future__ import annotations

import torch
from torch import Tensor


def gumbel_like(logits: Tensor, random: torch.Generator) -> Tensor:
    """Independent standard Gumbel numbers of the shape of some logits, on their device.

    Args:
        logits: Where and of what kind they are to be.
        random: Draws them, on the CPU, so that they are the same for every device.
    """
    drawn = torch.empty(logits.shape, dtype=torch.float64).exponential_(generator=random)
    return drawn.log().neg().to(logits)
