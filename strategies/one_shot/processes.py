"""Training a supernet in several processes, which all do the same with data of their own."""

from __future__ import annotations

from collections.abc import Sequence

import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy, SingleDeviceStrategy
from torch import Tensor, distributed
from torch.nn.parallel import DistributedDataParallel

from retiarii.errors import ExperimentError


def check_processes(trainer: pl.Trainer) -> None:
    """See that every process has the whole supernet.

    Raises:
        ExperimentError: it doesn't.
    """
    if not isinstance(trainer.strategy, SingleDeviceStrategy | DDPStrategy):
        raise ExperimentError(
            f"a supernet is trained on one device or with strategy='ddp', and the trainer has "
            f"{type(trainer.strategy).__name__}, which takes models apart or wraps them: which parts of a supernet are "
            "used changes from step to step"
        )


def keep_apart(trainer: pl.Trainer) -> None:
    """Let gradients be averaged by `average` alone: what DDP does by itself needs every parameter in every step."""
    wrapped = trainer.strategy.model
    if isinstance(wrapped, DistributedDataParallel):
        wrapped.require_backward_grad_sync = False


def average(gradients: Sequence[Tensor | None], likes: Sequence[Tensor]) -> list[Tensor | None]:
    """The means of gradients over all processes; those which a process lacks count as zero there.

    Args:
        gradients: None for those that are not there.
        likes: Tensors of their shapes.
    """
    if not distributed.is_initialized() or distributed.get_world_size() == 1 or not gradients:
        return list(gradients)
    present = torch.tensor([gradient is not None for gradient in gradients], dtype=torch.uint8, device=likes[0].device)
    distributed.all_reduce(present, op=distributed.ReduceOp.MAX)
    means: list[Tensor | None] = []
    for is_present, gradient, like in zip(present.tolist(), gradients, likes, strict=True):
        mean = (torch.zeros_like(like) if gradient is None else gradient.contiguous()) if is_present else None
        means.append(mean)
    _all_reduce([mean for mean in means if mean is not None])
    return means


def _all_reduce(tensors: list[Tensor]) -> None:
    """Average tensors in place, those of a kind together."""
    count = distributed.get_world_size()
    for kind in dict.fromkeys([tensor.dtype for tensor in tensors]):
        alike = [tensor for tensor in tensors if tensor.dtype == kind]
        flat = torch.cat([tensor.reshape(-1) for tensor in alike])
        distributed.all_reduce(flat)
        means = torch.split(flat / count, [tensor.numel() for tensor in alike])
        for tensor, mean in zip(alike, means, strict=True):
            tensor.copy_(mean.view_as(tensor))
