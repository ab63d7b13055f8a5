"""What a node's arguments may hold: JSON values, references to nodes, names of Python objects, undecided values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import EllipsisType
from typing import Any

from retiarii.domain.expression import Expression

Argument = Any


class Ref(str):
    """A reference to the value of the node of this name."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"%{self!s}"


@dataclass(frozen=True, slots=True)
class Named:
    """A Python object known by its import path, such as `torch.float32` or a user's class."""

    path: str


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Something that an opaque module holds and that is no plain JSON value: its kind, and its parts as data.

    Attributes:
        kind: "set", "frozenset", "mapping", "device", "tensor", "partial" or "object".
        parts: what it is made of.
    """

    kind: str
    parts: Mapping[str, Any]


SCALARS = (type(None), bool, int, float, complex, str, EllipsisType, Named, Expression)


def map_argument(function: Callable[[Any], Any], argument: Argument) -> Argument:
    """The same nest of tuples, lists, dicts and slices, with every leaf passed through `function`."""
    kind = type(argument)
    if kind is tuple:
        return tuple([map_argument(function, item) for item in argument])
    if kind is list:
        return [map_argument(function, item) for item in argument]
    if kind is dict:
        return {key: map_argument(function, item) for key, item in argument.items()}
    if kind is slice:
        parts = (argument.start, argument.stop, argument.step)
        return slice(*[map_argument(function, part) for part in parts])
    return function(argument)


def leaves(argument: Argument) -> Iterator[Any]:
    """The leaves of a nest, in order."""
    kind = type(argument)
    if kind is tuple or kind is list:
        for item in argument:
            yield from leaves(item)
    elif kind is dict:
        for item in argument.values():
            yield from leaves(item)
    elif kind is slice:
        for item in (argument.start, argument.stop, argument.step):
            yield from leaves(item)
    else:
        yield argument


def refs_of(argument: Argument) -> list[Ref]:
    """Every reference in a nest, in order, with repeats."""
    return [leaf for leaf in leaves(argument) if type(leaf) is Ref]
