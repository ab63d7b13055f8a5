"""Functions of users: in words, and what is another one when they have changed."""

from __future__ import annotations

import dis
import functools
import inspect
import reprlib
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_STORES = ("STORE_GLOBAL", "STORE_DEREF", "STORE_ATTR")
_MAKERS = ("__init__", "__new__", "__post_init__")
_MOST_NAMED = 5


def in_words(function: Callable[..., Any]) -> str:
    """The name of a function, method, partial function or callable object, with the plain values that it holds.

    As in `small(n=10)`, `Rule(limit=5).holds` and `<lambda> where limit=5`.
    """
    if isinstance(function, functools.partial):
        given = [*map(_shown, function.args), *[f"{name}={_shown(value)}" for name, value in function.keywords.items()]]
        return f"{in_words(function.func)}({', '.join(given)})"
    if isinstance(function, MethodType) and not isinstance(function.__self__, type):
        return f"{_object_in_words(function.__self__)}.{function.__name__}"
    if not hasattr(function, "__qualname__"):
        return _object_in_words(function)
    name = _last(function.__qualname__)
    values = _listed(_surroundings(function)) if isinstance(function, FunctionType) else ""
    return f"{name} where {values}" if values else name


def mark(function: Callable[..., Any]) -> str:
    """What is another one when the code of a function has changed, or a plain value that it holds.

    Neither comments nor where it is written count. Other Pythons make other code, so which one it is comes first.
    """
    content = repr([*_content(function, set())])
    return f"{sys.implementation.cache_tag} {zlib.crc32(content.encode('utf-8', 'backslashreplace')):08x}"


def plain(value: Any) -> bool:
    """Whether a value is a number, a text, None, or a tuple of such."""
    return isinstance(value, _PLAIN) or (isinstance(value, tuple) and all(map(plain, value)))


def plain_fields(thing: object) -> dict[str, Any]:
    """The attributes of an object that are plain values and that its methods don't change."""
    values = [value for kind in type(thing).__mro__ for value in vars(kind).values()]
    methods = [value for value in values if isinstance(value, FunctionType) and value.__name__ not in _MAKERS]
    changed = set[str]().union(*[_named(method.__code__, _STORES) for method in methods])
    names = dict.fromkeys([*getattr(thing, "__dict__", ()), *_slots(thing)])
    found = {name: _bare(getattr(thing, name)) for name in names if name not in changed and hasattr(thing, name)}
    return {name: value for name, value in found.items() if plain(value)}


def enclosed(function: FunctionType) -> dict[str, Any]:
    """The variables of the functions round it that it uses."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    found = {}
    for name, cell in cells:
        with suppress(ValueError):  # it has no value yet
            found[name] = cell.cell_contents
    return found


def _slots(thing: object) -> Iterator[str]:
    for kind in reversed(type(thing).__mro__):
        slots = vars(kind).get("__slots__", ())
        yield from [slots] if isinstance(slots, str) else [name for name in slots if isinstance(name, str)]


def _object_in_words(thing: object) -> str:
    values = ", ".join([f"{name}={_shown(value)}" for name, value in [*plain_fields(thing).items()][:_MOST_NAMED]])
    name = _last(type(thing).__qualname__)
    return f"{name}({values})" if values else name


def _last(name: str) -> str:
    return name.rpartition("<locals>.")[2]


def _listed(values: Mapping[str, Any]) -> str:
    return " and ".join([f"{name}={_shown(value)}" for name, value in [*values.items()][:_MOST_NAMED]])


def _shown(value: Any) -> str:
    """A plain value; of any other the name, or that of its class, for what it holds may change."""
    value = _bare(value)
    return reprlib.repr(value) if plain(value) else _last(getattr(value, "__qualname__", type(value).__qualname__))


def _bare(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _surroundings(function: FunctionType) -> dict[str, Any]:
    """The plain values round a function that it reads and does not change."""
    code = function.__code__
    changed, read = _named(code, _STORES), _named(code, ("LOAD_GLOBAL",))
    around = {name: value for name, value in function.__globals__.items() if name in read} | enclosed(function)
    found = {name: _bare(value) for name, value in sorted(around.items()) if name not in changed}
    return {name: value for name, value in found.items() if plain(value)}


def _named(code: CodeType, kinds: tuple[str, ...]) -> set[str]:
    """The names that steps of some kinds are about, in inner functions, too."""
    found = {step.argval for step in dis.get_instructions(code) if step.opname in kinds}
    return found.union(*[_named(inner, kinds) for inner in code.co_consts if isinstance(inner, CodeType)])


def _content(function: Any, seen: set[int]) -> Iterator[Any]:
    """What a function is made of: its code and the plain values that it holds, and those of functions that it holds."""
    if id(function) in seen:
        return
    seen.add(id(function))
    if isinstance(function, functools.partial):
        given = [*enumerate(function.args), *sorted(function.keywords.items())]
        yield [(name, _bare(value)) for name, value in given if plain(_bare(value))]
        yield from _content(function.func, seen)
    elif isinstance(function, MethodType):
        yield sorted(plain_fields(function.__self__).items()) if not isinstance(function.__self__, type) else []
        yield from _content(function.__func__, seen)
    elif isinstance(function, FunctionType):
        yield [_steps(function.__code__), function.__defaults__ if plain(function.__defaults__) else None]
        yield sorted(_surroundings(function).items())
        for value in [*enclosed(function).values(), getattr(function, "__wrapped__", None)]:
            if isinstance(value, FunctionType):
                yield from _content(value, seen)
    elif isinstance(called := inspect.getattr_static(type(function), "__call__", None), FunctionType):
        yield from _content(MethodType(called, function), seen)


def _steps(code: CodeType) -> list[Any]:
    """What code does, apart from where it is written and how its variables are called."""
    steps = [step for step in dis.get_instructions(code) if step.opname not in ("NOP", "EXTENDED_ARG")]
    return [(step.opname, _argument(step)) for step in steps]


def _argument(step: dis.Instruction) -> Any:
    if step.opcode in dis.haslocal:
        return step.arg
    value = step.argval
    if isinstance(value, CodeType):
        return _steps(value)
    return sorted(map(repr, value)) if isinstance(value, frozenset) else repr(value)
