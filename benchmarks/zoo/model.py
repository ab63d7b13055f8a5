"""What an entry of the zoo is, and the example inputs that the libraries share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

Inputs = tuple[Any, ...] | dict[str, Any]

BATCH = 2
VOCABULARY = 99


@dataclass(frozen=True, slots=True)
class ZooModel:
    """A published model, small enough to be traced and run in seconds.

    Attributes:
        name: unique within its library.
        build: makes the model with random weights.
        inputs: makes the arguments of its `forward`, by position (a tuple) or by keyword (a dict).
    """

    name: str
    build: Callable[[], nn.Module]
    inputs: Callable[[], Inputs]


def published(path: str, inputs: Callable[[], Inputs], /, variant: str = "", **arguments: Any) -> ZooModel:
    """The model that the class or function at `path` ("package.module:Name") makes of `arguments`.

    It is imported when it is built, so listing the zoo needs no library. `variant` tells models of one class apart.
    """
    module, name = path.split(":")

    def build() -> nn.Module:
        make: Callable[..., nn.Module] = getattr(import_module(module), name)
        return make(**arguments)

    return ZooModel(f"{name}-{variant}" if variant else name, build, inputs)


def normal(*shapes: tuple[int, ...]) -> Callable[[], Inputs]:
    """Positional inputs with normally distributed values, one tensor for each shape (batch included)."""
    return lambda: tuple(torch.randn(shape) for shape in shapes)


def images(size: int, channels: int = 3) -> Callable[[], Inputs]:
    """One positional input: a batch of square images."""
    return normal((BATCH, channels, size, size))


def tokens(length: int = 12, vocabulary: int = VOCABULARY) -> Tensor:
    """Token numbers of shape (batch, length). Those below 3 often mean padding or the ends of a text: left out."""
    return torch.randint(3, vocabulary, (BATCH, length))


def text(length: int = 12) -> Callable[[], Inputs]:
    """One positional input: a batch of token numbers."""
    return lambda: (tokens(length),)
