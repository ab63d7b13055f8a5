"""What forwards compute with tensors, shapes and numbers: graph, module and code do the same."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

Case = tuple[Callable[[], nn.Module], tuple[Any, ...]]
CASES: dict[str, Case] = {}


def case(*inputs: Any, **arguments: Any) -> Callable[[type], type]:
    """Makes a class, with these inputs, a row of the table."""

    def add(cls: type) -> type:
        CASES[cls.__name__] = (lambda: cls(**arguments), inputs)
        return cls

    return add


def x(*shape: int) -> Tensor:
    return torch.randn(*shape or (2, 4), generator=torch.Generator().manual_seed(3))


@case(x(2, 3, 4))
class Algebra(nn.Module):
    def forward(self, x):
        y = torch.einsum("bij,bkj->bik", x, x)
        z = torch.cat([y, y.transpose(1, 2)], dim=-1)
        w = torch.stack((x, -x), 1)
        a, b, c = x.chunk(3, dim=1)
        d, e = torch.split(x, [1, 3], -1)
        f, g, h = x.unbind(1)
        return z, w, a + b - c, d * e.sum(), (f - g) ** 2, h**-1, 2**f, -(f**2), (-f) ** 2, ~(f > g), x @ x.mT


@case(x(4, 6))
class Slicing(nn.Module):
    def forward(self, x):
        n = x.shape[1] // 2
        y = x[None, ..., -1], x[:, None, 1:-1], x[..., ::2], x[:, n + 1 :], x[-n:], x[[0, 2]], x[:1, n : n + 2]
        return y, x[..., : x.size(0) - 1], x[torch.tensor([1, 0])], x[1, 2], x[(slice(None), 0)]


@case(x(2, 3, 4))
class Shapes(nn.Module):
    def forward(self, x):
        b, n, d = x.shape
        y = x.view(b * n, -1).reshape(b, n, 2, d // 2).permute(0, 2, 1, 3)
        z = x.new_zeros(b, d) + torch.zeros(b, d, dtype=x.dtype, device=x.device)
        size = b
        size += 1
        size *= 2
        half = (n + 1) // 2 * d
        return (
            y.flatten(1),
            x.expand(b, -1, -1) + z.unsqueeze(1),
            size + b,
            half,
            tuple(x.size())[1:],
            x.dim(),
            x.numel(),
        )


@case(x(), flags=(True, False))
class Constructor(nn.Module):
    def __init__(self, flags):
        super().__init__()
        self.flags = flags
        self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in flags])
        self.activation = nn.Tanh() if flags[0] else None

    def forward(self, x):
        kept = []
        for flag, layer in zip(self.flags, self.layers, strict=True):
            x = layer(x) if flag else layer(x) + x
            kept.append(x)
        if self.activation is not None:
            x = self.activation(x)
        for index, item in enumerate(kept):
            x = x + item * index
        return x, kept


@case(x())
class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        def inner(y, times=2):
            return self.fc(y) * times

        return self.fc(inner(x) + inner(self.fc(x), times=math.pi))


@case(x(1, 2, 6, 6))
class Interpolation(nn.Module):
    def forward(self, x):
        y = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return (
            F.interpolate(y, size=(5, 7)),
            F.pad(x, (1, 1, 0, 2), value=float("-inf")),
            F.pad(x, [1, 1, 2, 2], "reflect"),
        )


@case(x(3, 4))
class Comparisons(nn.Module):
    def forward(self, x):
        mask = (x > 0) & ~(x >= 1) | (x == 0) ^ (x != 0.5)
        y = torch.where(mask, x, torch.tensor(0.0)).masked_fill(x < 0, float("-inf"))
        value, index = x.max(dim=1)
        top = torch.topk(x, 2, dim=-1)
        return y, value, index, top.values, top.indices, x.sort(0)[1], x.argmax(-1, keepdim=True), torch.max(x, x * 2)


@case(torch.arange(6).view(2, 3))
class Kinds(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 4, padding_idx=0)

    def forward(self, ids):
        y = self.embedding(ids)
        z = torch.complex(y, y) * 1j + (2 - 1.5j)
        return z, z.abs(), ids % 2, ids << 1, ids.float().to(torch.float64), F.one_hot(ids, 7), y.half(), ids.bool()


@case(x(2, 3, 4))
class CausalMask(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mask", torch.tril(torch.ones(5, 5, dtype=torch.bool)).view(1, 5, 5))

    def forward(self, x):
        n = x.size(1)
        scores = x @ x.transpose(-2, -1) / math.sqrt(x.size(-1))
        scores = scores.masked_fill(~self.mask[:, :n, :n], float("-inf"))
        return F.softmax(scores, dim=-1) + torch.triu(torch.full((3, 3), float("-inf")), 1).exp()


@pytest.mark.parametrize("example", [False, True], ids=["alone", "example"])
@pytest.mark.parametrize("name", CASES)
def test_graph_module_and_code_do_the_same(name, example, round_trip):
    make, inputs = CASES[name]
    torch.manual_seed(2)
    round_trip(make(), inputs, example=example, opaque=not example)
