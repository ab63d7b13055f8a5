"""A layer in a few words: its class and the arguments that tell most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retiarii.domain.expression import Expression
from retiarii.graph.drawing.text import TIMES
from retiarii.graph.spec import ChoiceSpec, LayerSpec, OpaqueSpec, Spec
from retiarii.graph.values import Argument, Named

_FROM_TO = (
    ("in_channels", "out_channels"),
    ("in_features", "out_features"),
    ("num_embeddings", "embedding_dim"),
    ("input_size", "hidden_size"),
)
_SIZES = ("num_features", "normalized_shape", "num_channels", "embed_dim", "d_model", "p")
_WINDOWS = ("kernel_size", "output_size")
_UNLESS_ONE = ("stride", "dilation", "groups", "num_layers")
_COUNTS = {"num_groups": "groups", "num_heads": "heads", "nhead": "heads"}
_OTHERS = 2


def written(value: Argument) -> str:
    """An argument as a person would write it."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Named):
        return value.path.rpartition(".")[2]
    if isinstance(value, LayerSpec):
        return value.cls.rpartition(".")[2]
    if isinstance(value, tuple | list):
        return f"({', '.join([written(item) for item in value])})"
    return str(value)


def layer_words(spec: Spec) -> str:
    """A module in a few words, such as `Linear 512 → 10`: its class, and what tells most of its size."""
    if isinstance(spec, ChoiceSpec):
        return f"{spec.kind} choice of {len(spec.children)}"
    cls = spec.cls.rpartition(".")[2]
    if isinstance(spec, OpaqueSpec):
        return f"{cls}, not traced"
    return f"{cls} {', '.join(_telling(cls, spec.arguments) or _other(spec.arguments))}".rstrip()


def _telling(cls: str, arguments: Mapping[str, Argument]) -> list[str]:
    words = [f"{written(arguments[a])} → {written(arguments[b])}" for a, b in _FROM_TO if {a, b} <= arguments.keys()]
    words += [_by(arguments[name]) for name in _SIZES if name in arguments]
    words += [_window(cls, arguments[name]) for name in _WINDOWS if name in arguments]
    words += [f"{written(arguments[name])} {noun}" for name, noun in _COUNTS.items() if name in arguments]
    for name in _UNLESS_ONE:
        value = arguments.get(name, 1)
        if value is not None and (isinstance(value, Expression) or value != 1):
            words.append(f"{name.removeprefix('num_')} {_by(value)}")
    return words


def _other(arguments: Mapping[str, Argument]) -> list[str]:
    """The first few arguments that are more than a switch."""
    named = [f"{name}={written(value)}" for name, value in arguments.items() if not isinstance(value, bool | None)]
    return named[:_OTHERS]


def _by(value: Any) -> str:
    return TIMES.join([written(item) for item in value]) if isinstance(value, tuple | list) else written(value)


def _window(cls: str, value: Argument) -> str:
    dimensions = next((int(digit) for digit in "123" if cls.endswith(f"{digit}d")), 1)
    if isinstance(value, tuple | list):
        return _by(value)
    side = written(value)
    return TIMES.join([side] * dimensions) if side.isalnum() else f"window {side}"
