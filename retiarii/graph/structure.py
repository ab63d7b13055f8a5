"""Nests of values as forwards pass them: tuples, named tuples, lists, dicts and data classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any


def is_record(value: Any) -> bool:
    """Whether a value is an instance of a data class."""
    return is_dataclass(value) and not isinstance(value, type)


def parts(value: Any) -> dict[Any, Any] | None:
    """What a nest consists of, by key; None for what is no nest."""
    if is_record(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, tuple | list):
        return dict(enumerate(value))
    return None


def remade(like: Any, inside: dict[Any, Any]) -> Any:
    """A nest of the kind of `like` with other parts."""
    if is_record(like):
        return type(like)(**inside)
    if isinstance(like, dict):
        return inside if type(like) is dict else type(like)(inside)
    if hasattr(like, "_fields"):
        return type(like)(*inside.values())
    if type(like).__module__ == "torch.return_types":
        return type(like)(tuple(inside.values()))
    return tuple(inside.values()) if isinstance(like, tuple) else list(inside.values())


def map_structure(function: Callable[[Any], Any], value: Any) -> Any:
    """The same nest with every leaf passed through `function`."""
    inside = parts(value)
    if inside is None:
        return function(value)
    return remade(value, {key: map_structure(function, item) for key, item in inside.items()})


def flat(value: Any) -> Iterator[Any]:
    """The leaves of a nest, in order."""
    inside = parts(value)
    if inside is None:
        yield value
        return
    for item in inside.values():
        yield from flat(item)


def alike(left: Any, right: Any) -> bool:
    """Whether two nests have one shape."""
    ours, theirs = parts(left), parts(right)
    if ours is None or theirs is None:
        return ours is None and theirs is None
    return type(left) is type(right) and ours.keys() == theirs.keys() and all(alike(ours[k], theirs[k]) for k in ours)


def zip_structures(function: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    """The nest of `function(a, b)` for the leaves of two nests of one shape."""
    ours, theirs = parts(left), parts(right)
    if ours is None or theirs is None:
        return function(left, right)
    return remade(left, {key: zip_structures(function, item, theirs[key]) for key, item in ours.items()})
