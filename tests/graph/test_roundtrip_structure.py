"""Models with containers, shared parts, odd names and hooks: their graph, its module and its code do the same."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations
from torch.nn.utils.parametrize import register_parametrization

CASES: dict[str, tuple[Callable[[], nn.Module], tuple[Any, ...]]] = {}


def case(cls: type) -> type:
    """Makes a class, with one matrix as its input, a row of the table."""
    CASES[cls.__name__] = (cls, (torch.randn(3, 4, generator=torch.Generator().manual_seed(3)),))
    return cls


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.gain = nn.Parameter(torch.rand(4))

    def forward(self, x):
        return torch.tanh(self.fc(x)) * self.gain


class Looks(nn.Module):
    """Can't be traced."""

    def __init__(self, width=4):
        super().__init__()
        self.fc = nn.Linear(width, width)

    def forward(self, x):
        return self.fc(x) if x.sum() > 0 else -self.fc(x)


@case
class Parameters(nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = nn.ParameterList([nn.Parameter(torch.randn(4, 4)) for _ in range(3)])
        self.named = nn.ParameterDict({"left": nn.Parameter(torch.randn(4)), "a b": nn.Parameter(torch.randn(4))})
        self.mixed = nn.ModuleDict({"block": Block(), "list": nn.ModuleList([Block(), nn.Identity(), nn.Linear(4, 4)])})

    def forward(self, x):
        for weight in self.weights:
            x = x @ weight
        x = x + self.named["left"] * self.named["a b"]
        return self.mixed["list"][2](self.mixed["list"][0](self.mixed["block"](x)))


@case
class Gaps(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4), nn.ReLU(), Block(), nn.ReLU(), nn.Linear(4, 4)])
        self.net = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.1), nn.Linear(4, 4, bias=False))

    def forward(self, x):
        for layer in self.layers[::2]:
            x = layer(x)
        return self.net(x)


@case
class NamedChildren(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(OrderedDict(first=nn.Linear(4, 4), act=nn.GELU("tanh"), last=nn.Linear(4, 4)))
        self.deep = nn.ModuleDict({"a": nn.ModuleDict({"b": nn.ModuleList([nn.ModuleDict({"c": nn.Linear(4, 4)})])})})

    def forward(self, x):
        return self.deep["a"]["b"][0]["c"](self.net(x))


@case
class TiedParameters(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(4, 4)
        self.decoder = nn.Linear(4, 4)
        self.decoder.weight = self.encoder.weight
        self.extra = self.decoder.bias
        self.inner = Block()
        self.inner.gain = self.extra

    def forward(self, x):
        return self.decoder(self.encoder(self.inner(x))) * self.extra


@case
class TiedModules(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()
        self.again = self.block
        self.layers = nn.ModuleList([nn.Linear(4, 4), self.block, nn.Linear(4, 4)])
        self.layers.append(self.layers[0])
        self.net = nn.Sequential(self.layers[2], nn.ReLU(), self.layers[2], nn.Linear(4, 4))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.net(self.again(x)) + self.block(x)


@case
class TiedBuffers(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("table", torch.rand(4))
        self.inner = nn.Module()
        self.inner.register_buffer("table", self.table)

    def forward(self, x):
        self.table += 1
        return x * self.inner.table


@case
class Unused(nn.Module):
    def __init__(self):
        super().__init__()
        self.used = nn.Linear(4, 4)
        self.unused = nn.Linear(4, 2)
        self.block = Block()
        self.spare = nn.Parameter(torch.randn(2))
        self.norm = nn.BatchNorm1d(3)
        self.opaque = Looks()
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    def forward(self, x):
        return self.used(x)


@case
class OddNames(nn.Module):
    def __init__(self):
        super().__init__()
        names = ["a b", "class", "0", "x;import os", "größe", "__init", "é'\"\\\n", "nn", "torch", "self", "F", "print"]
        for name in names:
            self.add_module(name, nn.Linear(4, 4))
        self.inner = nn.Module()
        for name in names:
            self.inner.add_module(name, nn.Linear(4, 4))
        self.register_parameter("lambda", nn.Parameter(torch.randn(4)))
        self.inner.register_parameter("p q", nn.Parameter(torch.randn(4)))
        self.inner.register_buffer("r\"s'", torch.randn(4))

    def forward(self, x):
        for child in (*self.children(), *self.inner.children()):
            x = child(x) if isinstance(child, nn.Linear) else x
        return x * getattr(self, "lambda") + getattr(self.inner, "p q") - getattr(self.inner, "r\"s'")


@case
class NamesOfMethods(nn.Module):
    def __init__(self):
        super().__init__()
        self.type = nn.Linear(4, 4)
        self.forward_ = nn.Linear(4, 4)
        self.inner = nn.Module()
        for name in ("keys", "values", "items", "pop", "update", "append"):
            self.inner.add_module(name, nn.Linear(4, 4))
        self.inner.keys_ = nn.Parameter(torch.randn(4))
        self.shape = nn.Parameter(torch.randn(4))
        self.tensors = nn.Module()
        self.tensors.keys = nn.Parameter(torch.randn(4))
        self.eval = torch.tensor([1.0, 3.0, 5.0, 8.0])

    def forward(self, x):
        x = self._modules["type"](self.forward_(x)) * self.inner.keys_ * self.shape * self.tensors.keys
        for layer in self.inner.children():
            x = layer(x)
        return x + self.__dict__["eval"]


@case
class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.outer = nn.Sequential(
            nn.Sequential(nn.Sequential(nn.Linear(4, 4), nn.Sequential()), Block()), nn.Identity()
        )
        self.outer.scale = nn.Parameter(torch.rand(4))

    def forward(self, x):
        return self.outer(x) * self.outer.scale


@case
class OpaqueInside(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Looks()
        self.rest = nn.ModuleList([Looks(), nn.Linear(4, 4)])

    def forward(self, x):
        return self.rest[1](self.rest[0](self.first(x)))


CASES["OpaqueWhole"] = (Looks, CASES["Nested"][1])


class Double(nn.Module):
    def forward(self, x):
        return x * 2


@case
class Parametrized(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = parametrizations.weight_norm(nn.Linear(4, 4))
        self.second = parametrizations.spectral_norm(nn.Linear(4, 4))
        self.third = nn.Linear(4, 4)
        register_parametrization(self.third, "bias", Double())

    def forward(self, x):
        return self.third(self.second(self.first(x)))


@case
class ChangesItsBuffers(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros((), dtype=torch.long))
        self.register_buffer("mean", torch.zeros(4))

    def forward(self, x):
        self.count += 1
        before = self.mean * 2
        if self.training:
            self.mean.mul_(0.9).add_(x.mean(0), alpha=0.1)
        self.mean[0] = 5
        y = torch.tanh(self.count) * self.mean
        return x - self.mean + before + self.count + y


@case
class WeightsOfLayers(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x):
        before = self.norm.running_mean + 1
        y = self.norm(x @ self.fc.weight.t() + self.fc.bias)
        return y + before + self.norm.running_mean


@case
class ReducedKinds(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4, dtype=torch.float64)
        self.frozen = nn.Parameter(torch.randn(4), requires_grad=False)
        self.low = nn.Parameter(torch.randn(4, dtype=torch.bfloat16))
        self.waves = nn.Parameter(torch.randn(4, dtype=torch.complex64))
        self.register_buffer("signs", torch.tensor([0.0, -0.0, float("nan"), float("-inf")]))
        self.register_buffer("zeros", torch.tensor([0.0, -0.0]))
        self.register_buffer("empty", torch.zeros(0, 3))

    def forward(self, x):
        y = self.fc((self.frozen * x).double()) + self.low.double()
        return y, self.waves * 1j, self.signs + x, 1 / self.zeros, self.empty.sum()


@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated")
def test_weight_norm_of_old(round_trip):
    model = nn.Sequential(nn.utils.weight_norm(nn.Linear(4, 4)), nn.ReLU())  # type: ignore[no-untyped-call]
    round_trip(model, CASES["Nested"][1], example=False, opaque=True)


@pytest.mark.parametrize("example", [False, True], ids=["alone", "example"])
@pytest.mark.parametrize("name", CASES)
def test_graph_module_and_code_do_the_same(name, example, round_trip):
    make, inputs = CASES[name]
    torch.manual_seed(2)
    round_trip(make(), inputs, example=example, opaque=True)
