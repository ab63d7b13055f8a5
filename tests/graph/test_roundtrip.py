"""Models as people write them: their graph, its module and its code do the same."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

Case = tuple[Callable[[], nn.Module], tuple[Any, ...]]
CASES: dict[str, Case] = {}
Pair = namedtuple("Pair", ["first", "second"])


def case(*inputs: Any, **arguments: Any) -> Callable[[type], type]:
    """Makes a class, with these inputs, a row of the table."""

    def add(cls: type) -> type:
        CASES[cls.__name__] = (lambda: cls(**arguments), inputs)
        return cls

    return add


def x(*shape: int) -> Tensor:
    return torch.randn(*shape or (2, 4), generator=torch.Generator().manual_seed(3))


class Model(nn.Module):
    """Has a layer and a parameter for all cases."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.scale = nn.Parameter(torch.rand(4))


@case(x())
class Plain(Model):
    def forward(self, x):
        return F.relu(self.fc(x)) * self.scale


@case(x())
class Buffers(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("shift", torch.arange(4.0))
        self.register_buffer("table", torch.randn(4), persistent=False)
        self.register_buffer("nothing", None)
        self.register_buffer("step", torch.tensor(3))
        self.constant = torch.tensor([0.5, 0.25, 2.0, -1.0])

    def forward(self, x):
        return x * self.shift + self.table + self.constant + self.step + torch.tensor([1.0, 2.0, 3.0, 5.0])


@case(x(), {"a": x(), "b": (x(), [x(2, 1)])})
class NestedInputs(Model):
    def forward(self, x, more):
        first, (second, third) = more["a"], (more["b"][0], more["b"][1][0])
        return {"sum": self.fc(x) + first, "rest": (second, [third, {"x": x}])}


@case(x(), x())
class Defaults(Model):
    def forward(self, input, other, mask=None, scale=0.5, *, flag=True, width: int = 2):
        out = self.fc(input) * scale + other * width
        return out if mask is None else out * mask


@case(x())
class InPlace(Model):
    def forward(self, x):
        y = self.fc(x)
        y += x
        y *= 2
        y -= 1
        y /= 3
        y[:, 0] = 1
        y[0] += x[1]
        y.add_(x).clamp_(min=-1)
        F.leaky_relu(y, 0.5, inplace=True)
        z = y.view(-1)
        z.mul_(0.5)
        z[1:3] -= 0.25
        torch.neg_(y)
        return y, z


@case(x())
class ViewsThenInPlace(Model):
    def forward(self, x):
        y = self.fc(x)
        left, whole = y[:, :2], y
        before = left * 2
        y += 1
        after = left * 2
        whole[0, 0] = 7
        return before, after, left, y.t(), y


@case(x())
class ChangesItsInput(nn.Module):
    def forward(self, x):
        shape, y = x.shape, x
        x += 1
        return y, x, y.sum(), shape[0]


@case(x())
class InPlaceLayers(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(4, 4), nn.LeakyReLU(0.1, inplace=True), nn.Dropout(0.5, inplace=True), nn.Hardtanh(inplace=True)
        )

    def forward(self, x):
        y = self.net[0](x)
        z = y + 0
        y = self.net[1](y)
        return self.net[3](self.net[2](y)), z, y


@case(x())
class Training(Model):
    def forward(self, x):
        if self.training:
            x = x + torch.rand_like(x)
        y = F.dropout(self.fc(x), 0.3, self.training)
        y = y * (2 if self.training else 3)
        if not self.training:
            return y
        noise = torch.randn(y.shape[0], 1)
        return y + noise


@case(x())
class TrainingInside(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = Training(), Training()

    def forward(self, x):
        y = self.first(x)
        if self.training:
            kept = x.mean()
            y = y * kept
        return self.second(y) + x


@case(x())
class TrainingReturnsMore(Model):
    def forward(self, x):
        y = self.fc(x)
        return (y, x.sum()) if self.training else y


@case(x(2, 3, 8, 8))
class Norms(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout2d(0.4)
        self.running = nn.Parameter(torch.zeros(4), requires_grad=False)

    def forward(self, x):
        x = self.drop(self.norm(self.conv(x)))
        mean = self.norm.running_mean * 2
        x = F.batch_norm(x, self.running, torch.ones(4), training=self.training)
        return F.max_pool2d(x, 2), F.avg_pool2d(x, 2, 1), F.adaptive_avg_pool2d(x, 1), mean


@case(x(3, 5, 4))
class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 6, 2, batch_first=True, dropout=0.1, bidirectional=True)
        self.gru = nn.GRU(12, 3)
        self.cell = nn.LSTMCell(3, 3)

    def forward(self, x):
        out, (h, c) = self.lstm(x)
        out, state = self.gru(out)
        h1, c1 = self.cell(out[0])
        return out, h, c, state, h1, c1


@case(x(5, 2, 4))
class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, dropout=0.1)
        self.norm = nn.LayerNorm(4)

    def forward(self, x):
        y, weights = self.attention(x, x, x)
        z, _ = self.attention(self.norm(y), x, x, need_weights=False)
        return y, weights, z


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        return gradient * 5


@case(x())
class CustomFunction(Model):
    def forward(self, x):
        return Doubled.apply(self.fc(x)) + 1


@case(x())
class NoGradient(Model):
    def forward(self, x):
        with torch.no_grad():
            y = self.fc(x)
        return y * self.scale + self.fc(x).detach()


@case(x())
class Checked(Model):
    def forward(self, x):
        assert x.dim() == 2, "a matrix"
        assert x.shape[1] == 4
        if x.ndim != 2:
            raise ValueError("a matrix")
        return self.fc(x)


@case(x())
class Outputs(Model):
    def forward(self, x):
        y = {"first": self.fc(x)}
        y["second"] = x
        return y


@case(x())
class TupleOutput(Model):
    def forward(self, x):
        return Pair(self.fc(x), x)


@dataclass
class Result:
    value: Tensor
    extra: Tensor | None = None


@case(x())
class DataclassInside(Model):
    def forward(self, x):
        result = Result(self.fc(x))
        return result.value * 2 if result.extra is None else result.extra


@case(x(), x(), x())
class Variadic(Model):
    def forward(self, x, *others, scale=2, **options):
        for other in others:
            x = x + other * scale
        return self.fc(x, **options)


@pytest.mark.parametrize("example", [False, True], ids=["alone", "example"])
@pytest.mark.parametrize("name", CASES)
def test_graph_module_and_code_do_the_same(name, example, round_trip):
    make, inputs = CASES[name]
    torch.manual_seed(2)
    round_trip(make(), inputs, example=example, opaque=not example)
