"""Models as users write them, whose forwards look at the values of their inputs."""

from __future__ import annotations

import collections
import enum
import fractions
import functools
import logging
import pathlib
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class Mode(enum.Enum):
    SUM = "sum"
    MEAN = "mean"


class Flags(enum.Flag):
    ONE = 1
    TWO = 2


Point = collections.namedtuple("Point", ("x", "y"))


@dataclass
class Config:
    width: int = 4
    mode: Mode = Mode.SUM
    rates: list = field(default_factory=lambda: [0.5, 0.25])


@dataclass(frozen=True, slots=True)
class Fixed:
    depth: int
    name: str = "fixed"


class Options(dict):
    """A dict whose items are attributes."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.__dict__ = self


def halved(x):
    return x / 2


class Gate(nn.Module):
    """Recoverable: all arguments are attributes."""

    def __init__(self, dim, *, rate=0.1, activation=nn.ReLU, bias=True):
        super().__init__()
        self.dim = dim
        self._rate = rate
        self.activation = activation()
        self.linear = nn.Linear(dim, dim)
        self.bias = nn.Parameter(torch.zeros(dim)) if bias else None
        self.register_buffer("steps", torch.arange(dim) * 2.0, persistent=False)

    def forward(self, x):
        if x.sum() > 0:
            x = self.linear(x)
        x = self.activation(x) + self.steps
        return F.dropout(x if self.bias is None else x + self.bias, self._rate, self.training)


class Around(nn.Module):
    """Recoverable: its arguments are modules and a config."""

    def __init__(self, inner, config, norms):
        super().__init__()
        self.inner = inner
        self.config = config
        self.norms = nn.ModuleList(norms)

    def forward(self, x):
        x = self.inner(x)
        for norm in self.norms if x.mean() < 10 else ():
            x = norm(x)
        return x * self.config.width


class Unknown(nn.Module):
    """Not recoverable: the argument leaves no trace."""

    def __init__(self, width):
        super().__init__()
        self.first = nn.Linear(4, width)
        self.second = nn.Linear(width, 4)
        self.scale = nn.Parameter(torch.full((4,), 0.5))
        self.register_buffer("shift", torch.tensor([1.0, 2.0, 3.0, 4.5]))

    def forward(self, x):
        return self.second(F.relu(self.first(x))) * self.scale + self.shift if x.max() > 0 else x


class Sum(nn.Module):
    """Loops over its inputs."""

    def __init__(self, dim):
        super().__init__()
        self.dim = dim
        self.linear = nn.Linear(dim, dim)

    def forward(self, *terms):
        total = 0
        for term in terms:
            total = total + self.linear(term)
        return total


class Everything(nn.Module):
    """Not recoverable, and holds what modules hold."""

    def __init__(self, secret):
        super().__init__()
        self.none, self.number, self.text, self.complex, self.dots = None, 3, "three", 1 + 2j, ...
        self.infinite = float("inf")
        self.nested = {"a": [1, (2, {"b": None})], "c": slice(1, None, 2)}
        self.by_number = {1: "one", (2, 3): "two"}
        self.names = {"b", "a"}
        self.frozen = frozenset((1, 2))
        self.mode, self.flags = Mode.MEAN, Flags.ONE | Flags.TWO
        self.dtype, self.device, self.layout = torch.float64, torch.device("cpu"), torch.channels_last
        self.function, self.builtin, self.method_name = halved, torch.tanh, str.upper
        self.cls = Config
        self.partial = functools.partial(F.leaky_relu, negative_slope=0.2)
        self.layer = functools.partial(nn.LayerNorm, eps=1e-3)
        self.config = Config(6, Mode.MEAN, [1.0])
        self.fixed = Fixed(2)
        self.space = SimpleNamespace(depth=3, inner=SimpleNamespace(on=True))
        self.point = Point(1, 2.5)
        self.options = Options(a=1, b=[2])
        self.counts = collections.Counter("abba")
        self.ordered = collections.OrderedDict(z=1, a=2)
        self.lists = collections.defaultdict(list, {"k": [1]})
        self.recent = collections.deque([1, 2, 3], maxlen=4)
        self.steps = range(1, 9, 2)
        self.path = pathlib.PurePosixPath("some/where")
        self.fraction = fractions.Fraction(1, 3)
        self.anchors = np.array([[1.5, 2.0], [3.0, 4.0]], dtype=np.float32)
        self.numpy_number = np.int64(7)
        self.size = torch.Size((2, 3))
        self.logger = logging.getLogger("opaque_models")
        self.constant = torch.tensor([0.1, 0.2, 0.3, 0.4])
        self.trained = torch.ones(4, requires_grad=True)
        self.linear = nn.Linear(4, 4)
        self.secret = nn.Linear(4, secret)

    def forward(self, x):
        if x.sum() > 1e6:
            return x
        x = self.partial(self.function(x)) + self.constant * self.number + self.trained
        return self.linear(x) * self.config.width + float(self.anchors.sum()) + self.secret(x).mean()


class Woven(nn.Module):
    """Not recoverable, and its parts refer to one another."""

    def __init__(self, width):
        super().__init__()
        self.encoder = nn.Linear(4, width, bias=False)
        self.shared = nn.ReLU()
        self.stack = nn.Sequential(self.shared, nn.Linear(width, width), self.shared)
        self.again = self.stack[1]
        self.decoder = nn.Linear(4, width, bias=False)
        self.decoder.weight = self.encoder.weight
        self.order = [self.stack, {"last": self.encoder}]
        self.weights = (self.encoder.weight, self.stack[1].bias)
        self.run = self.through
        self.reader = Reader([self.encoder])
        self.loose = [nn.Linear(2, 2), nn.Sequential(nn.ReLU(), Gate(3))]
        self.skip = None
        self.register_module("nothing", None)
        self.register_parameter("offset", None)
        self.register_buffer("cache", None)
        self.register_buffer("scratch", None, persistent=False)
        self.register_buffer("table", torch.tensor([3.0, 1.0, 2.0]), persistent=False)
        self.frozen = nn.Parameter(torch.ones(width), requires_grad=False)

    def through(self, x):
        return self.order[0](x)

    def forward(self, x):
        if x.sum() > 1e6:
            return x
        x = self.run(self.encoder(x)) + self.again(self.decoder(x)) * self.frozen
        return x + self.reader(self.weights[0]) + self.table.sum()


class Reader(nn.Module):
    """Knows a module that stands elsewhere."""

    def __init__(self, sources):
        super().__init__()
        self.sources = sources

    def forward(self, weight):
        return self.sources[0].weight.sum() + weight.mean()


class Strict(nn.Module):
    """Has slots, and takes attributes in its own way."""

    __slots__ = ("slotted",)

    def __init__(self, width):
        super().__init__()
        self.slotted = 3
        self.linear = nn.Linear(4, width)
        self.bias = nn.Parameter(torch.ones(width))

    def __setattr__(self, name, value):
        if name == "linear" and hasattr(self, "linear"):
            raise AttributeError(name)
        super().__setattr__(name, value)

    def forward(self, x):
        return self.linear(x) * self.slotted + self.bias if x.sum() < 1e6 else x


class Scale(nn.Module):
    """What it starts from is no attribute."""

    def __init__(self, start=1.0):
        super().__init__()
        self.scale = nn.Parameter(torch.full((4,), start))

    def forward(self, x):
        return x * self.scale if x.sum() < 1e6 else x


class Either(nn.Module):
    """A choice between two modules that is still open."""

    def __init__(self, describe_choice):
        super().__init__()
        self.short = nn.Identity()
        self.long = Gate(4)
        self.describe_choice = describe_choice

    def __choice_spec__(self, describe):
        return self.describe_choice({name: describe(child) for name, child in self.named_children()})


class Open(nn.Module):
    """Has a choice inside, and refers to it and to a candidate."""

    def __init__(self, choice):
        super().__init__()
        self.choice = choice
        self.whole = [choice]
        self.part = [choice.long]


class Inherited(nn.Conv1d):
    """A layer of torch with another forward."""

    def forward(self, x):
        return super().forward(x) if x.sum() < 1e6 else x


class Recurrent(nn.LSTM):
    """A layer of torch whose constructor has no names for its arguments."""

    def forward(self, x):
        return super().forward(x)[0] if x.sum() < 1e6 else x


class Noisy(nn.Module):
    """Its constructor draws random numbers, and warns."""

    def __init__(self, dim):
        super().__init__()
        logging.getLogger("opaque_models").debug("made")
        self.dim = dim
        self.linear = nn.Linear(dim, dim)
        self.start = int(torch.zeros(1).item())

    def forward(self, x):
        return self.linear(x) if x.sum() > self.start else x


class Inside(nn.Module):
    """A model of which only a part can't be traced."""

    def __init__(self, part, size=4):
        super().__init__()
        self.before = nn.Linear(4, size)
        self.part = part
        self.after = nn.Linear(size, 2)

    def forward(self, x):
        return self.after(self.part(F.gelu(self.before(x))))
