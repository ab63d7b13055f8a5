"""Binary gates: one result goes through, and others are looked at to learn whether they would be better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def gated(gates: Tensor, taken: Tensor, others: Sequence[Tensor]) -> Tensor:
    """The result that is taken, in the same memory; all that is kept for gradients is how each other one differs.

    The gradient of each gate is that of a weighed sum of all results, less the one that the first gate has there, so
    that the first gate's is zero. Numbers whose softmax the gates are drawn from get the same gradients either way.

    Source: Cai, Zhu, Han: "ProxylessNAS: Direct Neural Architecture Search on Target Task and Hardware", ICLR 2019,
    section 3.2.1.

    Args:
        gates: 1 for the first, 0 for each other one, shape (1 + others,).
        taken: Any shape.
        others: Tensors of the same shape.
    """
    return cast("Tensor", _Gates.apply(gates, taken, *others))  # type: ignore[no-untyped-call]


class _Gates(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gates: Tensor, taken: Tensor, *others: Tensor) -> Tensor:
        ctx.dtype = gates.dtype
        ctx.save_for_backward(*[other - taken for other in others])
        return taken.detach()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        differences: Sequence[Tensor] = ctx.saved_tensors
        of_others = [(gradient * difference).sum(dtype=ctx.dtype) for difference in differences]
        of_gates = torch.stack([torch.zeros_like(of_others[0]), *of_others])
        return of_gates, gradient, *[None for _ in differences]
