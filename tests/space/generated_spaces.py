"""Random model spaces over small images: a recipe is plain data, and a space is made from it."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from hypothesis import strategies as st

from retiarii import ModelSpace, nn

CHANNELS = 4
SHAPE = (2, CHANNELS, 5, 5)
DEEPEST = 3
Recipe = tuple[Any, ...]


class Scale(nn.Module):
    """Functions alone, with a parameter of its own."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.rand(1, CHANNELS, 1, 1))
        self.register_buffer("shift", torch.full((1,), 0.5))

    def forward(self, x):
        return F.gelu(x * self.factor) + self.shift


class Residual(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return x + self.inner(x)


class Twice(nn.Module):
    """One module, two calls."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x) - self.inner(x * 0.5)


class Wide(nn.Module):
    """Arithmetic on values, in several arguments of several layers."""

    def __init__(self, width, ratio, kernel):
        super().__init__()
        hidden = width * ratio
        self.expand = nn.Conv2d(CHANNELS, hidden, 1, bias=width > 2)
        self.depthwise = nn.Conv2d(hidden, hidden, (kernel, 1), padding=(kernel // 2, 0), groups=hidden)
        self.norm = nn.BatchNorm2d(hidden, momentum=0.1 / ratio)
        self.project = nn.Conv2d(hidden, CHANNELS, nn.ValueChoice.min(kernel, 1))

    def forward(self, x):
        return self.project(F.relu(self.norm(self.depthwise(self.expand(x)))))


class Branches(nn.Module):
    """Several ways in, of which some are chosen."""

    def __init__(self, inner, n_chosen, reduction, label):
        super().__init__()
        self.ways = nn.ModuleList(inner)
        self.pick = nn.InputChoice(n_candidates=len(inner) + 1, n_chosen=n_chosen, reduction=reduction, label=label)

    def forward(self, x):
        chosen = self.pick([x, *[way(x) for way in self.ways]])
        if chosen is None:
            return x * 2
        if isinstance(chosen, list):
            chosen = torch.stack(chosen).sum(0) / len(chosen)
        return chosen.mean(1, keepdim=True) + x


class Optional(nn.Module):
    """The forward of the older guides, which looks at what was chosen."""

    def __init__(self, inner, label):
        super().__init__()
        self.inner = inner
        self.skip = nn.InputChoice(n_candidates=1, label=label)

    def forward(self, x):
        other = self.skip([self.inner(x)])
        if other is not None:
            x = x + other
        return x


class Looking(nn.Module):
    """A forward that compares a choice of its own."""

    def __init__(self, inner, width):
        super().__init__()
        self.inner = inner
        self.width = width

    def forward(self, x):
        if self.width > 2:
            x = self.inner(x)
        return x * self.width


class Loop(nn.Module):
    """A loop over as many blocks as were chosen."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        for block in self.body:
            x = block(x) + x
        return x / (len(self.body) + 1)


class Untraceable(nn.Module):
    """A branch on values of tensors."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        if x.sum() > 0:
            return self.inner(x)
        return self.inner(-x)


class Generated(ModelSpace):
    """The space of a recipe."""

    def __init__(self, recipe):
        super().__init__()
        self.stem = nn.Conv2d(CHANNELS, CHANNELS, 1)
        self.body = made(recipe)

    def forward(self, x):
        return torch.flatten(self.body(self.stem(x)), 1)


def made(recipe: Recipe) -> nn.Module:  # noqa: C901, PLR0912  one row for each kind
    """The module of a recipe."""
    match recipe:
        case ("conv", size):
            return nn.Conv2d(CHANNELS, CHANNELS, size, padding=size // 2)
        case ("norm",):
            return nn.BatchNorm2d(CHANNELS)
        case ("relu", inplace):
            return nn.ReLU(inplace=inplace)
        case ("scale",):
            return Scale()
        case ("dropout", label):
            return nn.Dropout(nn.ValueChoice([0.0, 0.25, 0.5], label=label))
        case ("padding", label):
            mode = nn.ValueChoice(["zeros", "circular"], label=label)
            return nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, padding_mode=mode)
        case ("wide", label, ratio, kernel):
            return Wide(*wide_values(label, ratio, kernel))
        case ("row", inner):
            return nn.Sequential(*map(made, inner))
        case ("residual", inner):
            return Residual(made(inner))
        case ("twice", inner):
            return Twice(made(inner))
        case ("layers", label, named, inner):
            modules = list(map(made, inner))
            return nn.LayerChoice({f"way{i}": m for i, m in enumerate(modules)} if named else modules, label=label)
        case ("branches", label, n_chosen, reduction, inner):
            return Branches(list(map(made, inner)), n_chosen, reduction, label)
        case ("optional", label, inner):
            return Optional(made(inner), label)
        case ("looking", label, inner):
            return Looking(made(inner), nn.ValueChoice([1, 2, 3], label=label))
        case ("repeat", label, depth, how, inner):
            return repeat(label, depth, how, inner)
        case ("loop", label, depth, how, inner):
            return Loop(repeat(label, depth, how, inner))
        case ("untraceable", inner):
            return Untraceable(made(inner))
    raise AssertionError(recipe)


def wide_values(label, ratio, kernel):
    return (
        nn.ValueChoice([1, 2, 4], label=label),
        nn.ValueChoice([1, 2], label=ratio) if ratio != "one" else 1,
        nn.ValueChoice([1, 3, 5], label=kernel) if kernel != "one" else 1,
    )


def repeat(label, depth, how, inner):
    blocks = {
        "module": lambda: made(inner),
        "factory": lambda: lambda index: made(inner),
        "list": lambda: [made(inner) for _ in range(3)],
    }[how]()
    match depth:
        case "range":
            return nn.Repeat(blocks, (1, 3), label=label)
        case "number":
            return nn.Repeat(blocks, 2)
        case "value":
            return nn.Repeat(blocks, nn.ValueChoice([0, 2], label=label))
    return nn.Repeat(blocks, nn.ValueChoice.max(nn.ValueChoice([0, 1, 2], label=label), 1) + 1)


LEAVES = st.one_of(
    st.sampled_from([("conv", 1), ("conv", 3), ("norm",), ("relu", False), ("relu", True), ("scale",)]),
    st.tuples(st.just("dropout"), st.sampled_from([None, "dropout"])),
    st.tuples(st.just("padding"), st.sampled_from([None, "padding"])),
    st.tuples(
        st.just("wide"),
        st.sampled_from([None, "width"]),
        st.sampled_from([None, "ratio", "one"]),
        st.sampled_from([None, "kernel", "one"]),
    ),
)


def recipes(*, untraceable: bool = False) -> st.SearchStrategy[Recipe]:
    """Recipes of spaces with choices inside choices; labels are shared now and then, within one level of nesting."""
    return _inner(0, untraceable).map(lambda recipe: ("untraceable", recipe) if untraceable else recipe)


def _inner(level: int, untraceable: bool) -> st.SearchStrategy[Recipe]:
    if level == DEEPEST:
        return LEAVES
    below = st.deferred(lambda: _inner(level + 1, untraceable))
    few = st.lists(below, min_size=1, max_size=3).map(tuple)

    def label(kind: str) -> st.SearchStrategy[str | None]:
        return st.sampled_from([None, None, f"{kind}.{level}"])

    return st.one_of(
        LEAVES,
        st.tuples(st.just("row"), few),
        st.tuples(st.just("residual"), below),
        st.tuples(st.just("twice"), below),
        few.flatmap(
            lambda inner: st.booleans().flatmap(
                lambda named: st.tuples(
                    st.just("layers"), label(f"layers{len(inner)}{named}"), st.just(named), st.just(inner)
                )
            )
        ),
        few.flatmap(
            lambda inner: st.sampled_from([None, 1, len(inner)]).flatmap(
                lambda n_chosen: st.tuples(
                    st.just("branches"),
                    label(f"branches{len(inner)}{n_chosen}"),
                    st.just(n_chosen),
                    st.sampled_from(["sum", "mean", "concat", "none"]),
                    st.just(inner),
                )
            )
        ),
        st.tuples(st.just("optional"), label("optional"), below),
        st.tuples(st.just("looking"), label("looking"), below),
        st.sampled_from(["range", "number", "value", "expression"]).flatmap(
            lambda depth: st.tuples(
                st.sampled_from(["repeat", "loop"]),
                label(f"depth-{depth}"),
                st.just(depth),
                st.sampled_from(["module", "factory", "list"]),
                below,
            )
        ),
        *([st.tuples(st.just("untraceable"), below)] if untraceable else []),
    )


def spaces(*, untraceable: bool = False) -> st.SearchStrategy[Generated]:
    """Spaces of random recipes."""
    return recipes(untraceable=untraceable).map(Generated)


def images(seed: int = 0) -> torch.Tensor:
    """A small batch."""
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))
