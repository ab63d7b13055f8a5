"""Values of any kind as JSON values: plain ones as they are, the others in words."""

from __future__ import annotations

import dis
import inspect
import math
from argparse import Namespace
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import partial
from itertools import chain
from types import FunctionType, MappingProxyType, MethodType, SimpleNamespace
from typing import Any

import numpy as np

from retiarii.domain import Expression
from retiarii.domain.constraint import Constraint
from retiarii.domain.naming import enclosed, plain
from retiarii.engine import Engine
from retiarii.evaluator import Evaluator
from retiarii.experiment import tensors
from retiarii.experiment.codes import code_mark, is_of_library, name_of
from retiarii.experiment.ranges import range_in_words
from retiarii.experiment.texts import checksum, shortened, without_addresses
from retiarii.one_shot import OneShotStrategy
from retiarii.stopper import Stopper
from retiarii.strategy import Strategy

_COMPONENTS = (Strategy, OneShotStrategy, Evaluator, Engine, Stopper)
_PLAIN = (bool, float, int, str, type(None))
_MAKERS = ("__init__", "__new__", "__post_init__", "__setstate__", "load_state_dict")
_DEPTH = 6
_ITEMS = 20
_NAMES = 50
_VALUES = 300
_SUMMED = 100_000
_BITS = 256


class Things:
    """Describes the values of one part of a search: so deep, so many of them, and each so long.

    Args:
        arguments_of: What a component, such as a strategy within another, is made with, by name.
    """

    def __init__(self, arguments_of: Callable[[object], Mapping[str, Any]]) -> None:
        self._arguments_of = arguments_of
        self._left = _VALUES

    def component(self, part: object, depth: int = 0) -> dict[str, Any]:
        """The class, a mark of its code if it is the user's, and the arguments."""
        code = code_mark(type(part)).strip(" ()")
        arguments = {name: self.shown(value, depth + 1) for name, value in self._arguments_of(part).items()}
        return {"class": name_of(type(part)), **({"code": code} if code else {}), "arguments": arguments}

    def shown(self, value: Any, depth: int) -> Any:
        """A JSON value."""
        self._left -= 1
        if isinstance(value, np.generic) and not isinstance(value.item(), np.generic):
            value = value.item()
        if isinstance(value, _PLAIN) and not isinstance(value, Enum):
            return _plain(value)
        if self._left < 0 or depth > _DEPTH:
            return "..."
        if isinstance(value, dict | MappingProxyType):
            return self._mapping(value, depth)
        if isinstance(value, list | tuple | deque) and not hasattr(value, "_fields"):
            return self._items(value, depth)
        if isinstance(value, set | frozenset):
            return shortened(f"{{{', '.join(sorted([self._text(item, depth) for item in value]))}}}")
        if isinstance(value, _COMPONENTS):
            return self.component(value, depth)
        if _is_record(value):
            arguments = {name: self.shown(item, depth + 1) for name, item in _record(value).items()}
            return {"class": name_of(type(value)), "arguments": arguments}
        return shortened(self._words(value, depth))

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        names = [*value]
        found = {self._key(name, depth): self.shown(value[name], depth + 1) for name in names[:_NAMES]}
        more = [(name, value[name]) for name in names[_NAMES:]]
        return found | ({"...": _rest(more)} if more else {})

    def _items(self, value: Any, depth: int) -> list[Any]:
        items = [*value] if len(value) < _SUMMED else [value[number] for number in range(_ITEMS)]
        found = [self.shown(item, depth + 1) for item in items[:_ITEMS]]
        if len(value) > _ITEMS:
            found.append(f"... {len(value):,} in all" if len(value) >= _SUMMED else _rest(items[_ITEMS:]))
        return found

    def _key(self, name: Any, depth: int) -> str:
        return shortened(name if isinstance(name, str) else self._text(name, depth))

    def _text(self, value: Any, depth: int) -> str:
        """What stands in words for a value within another."""
        shown = self.shown(value, depth + 1)
        if isinstance(value, str):
            return repr(shown)
        return self._joined(shown)

    def _joined(self, shown: Any) -> str:
        if isinstance(shown, dict) and "class" in shown:
            return _call(shown["class"], {name: self._joined(it) for name, it in shown["arguments"].items()})
        return shown if isinstance(shown, str) else repr(shown)

    def _words(self, value: Any, depth: int) -> str:
        """Of what is neither plain nor a container."""
        if isinstance(value, Expression):
            return range_in_words(value)
        if isinstance(value, Constraint):
            return f"{value.description}{f' (code {value.mark})' if value.mark else ''}"
        if isinstance(value, partial | MethodType | type) or inspect.isroutine(value):
            return self._code(value, depth)
        if tensors.is_array(value):
            return tensors.array_in_words(value)
        if tensors.is_of_modules(value):
            return " ".join(_own_words(value).split())
        if tensors.is_of_data(value) or tensors.is_module(value):
            return self._object(value, depth, tensors.attributes(value))
        if not _has_words(type(value)):
            return self._object(value, depth, {})
        return _own_words(value)

    def _code(self, value: Any, depth: int) -> str:
        if isinstance(value, partial):
            given = {str(number): item for number, item in enumerate((value.func, *value.args))} | value.keywords
            return _call("partial", {name: self._text(item, depth) for name, item in given.items()})
        if isinstance(value, MethodType):
            return f"{self._text(value.__self__, depth)}.{value.__name__}{code_mark(value.__func__)}"
        held = {} if not isinstance(value, FunctionType) or is_of_library(value) else _enclosed(value)
        values = ", ".join([f"{name}={self._text(item, depth)}" for name, item in held.items()])
        return f"{name_of(value)}{code_mark(value)}{f' where {values}' if values else ''}"

    def _object(self, value: Any, depth: int, more: Mapping[str, Any]) -> str:
        """The class, and of what it was made with whatever does not change."""
        kind = type(value)
        held = {} if tensors.is_loader(value) else _lasting(value)
        words = {name: self._text(item, depth) for name, item in {**held, **more}.items()}
        if not words:
            return f"<{name_of(kind)}{code_mark(kind)}>"
        return f"{_call(kind.__qualname__ if is_of_library(kind) else name_of(kind), words)}{code_mark(kind)}"


def constructor_defaults(kind: type) -> dict[str, Any]:
    """The arguments that a class is made with, those that it hands on to its bases included, with their defaults."""
    found: dict[str, Any] = {}
    for base in kind.__mro__:
        make = vars(base).get("__init__")
        if not isinstance(make, FunctionType):
            continue
        parameters = inspect.signature(make).parameters.values()
        found = {parameter.name: parameter.default for parameter in parameters} | found
        if not any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
            break
    return found


def _lasting(value: Any) -> dict[str, Any]:
    """What an object was made with and holds, if that does not change and is not the default."""
    attributes, changed = getattr(value, "__dict__", {}), _changed(type(value))
    defaults = constructor_defaults(type(value))
    held = {name: attributes[name] for name in defaults if name in attributes and name not in changed}
    told = {name: item for name, item in held.items() if plain(item) or _is_telling(item)}
    return {name: item for name, item in told.items() if not _is_same(item, defaults[name])}


def _changed(kind: type) -> set[str]:
    """The attributes that methods of a class store, but for those that begin or restore an object."""
    members = {name: member for base in kind.__mro__ for name, member in vars(base).items() if name not in _MAKERS}
    steps = [dis.get_instructions(member) for member in members.values() if isinstance(member, FunctionType)]
    return {step.argval for step in chain.from_iterable(steps) if step.opname == "STORE_ATTR"}


def _is_same(value: Any, default: Any) -> bool:
    return value is default or (plain(value) and type(value) is type(default) and bool(value == default))


def _is_record(value: Any) -> bool:
    """Whether a value is a dataclass or a named tuple of the user's, or a namespace."""
    kind = type(value)
    if isinstance(value, Namespace | SimpleNamespace):
        return True
    return (is_dataclass(kind) or (isinstance(value, tuple) and hasattr(kind, "_fields"))) and not is_of_library(kind)


def _record(value: Any) -> dict[str, Any]:
    """The fields of it."""
    if isinstance(value, Namespace | SimpleNamespace):
        return dict(vars(value))
    if isinstance(value, tuple):
        return dict(zip(type(value)._fields, value, strict=True))  # type: ignore[attr-defined]
    return {field.name: getattr(value, field.name) for field in fields(value) if field.repr and field.init}


def _enclosed(function: FunctionType) -> dict[str, Any]:
    """The values and functions of the functions round it that it uses and does not change."""
    changed = {step.argval for step in dis.get_instructions(function) if step.opname == "STORE_DEREF"}
    telling = {name: value for name, value in enclosed(function).items() if plain(value) or _is_code(value)}
    return {name: value for name, value in telling.items() if name not in changed and value is not function}


def _is_code(value: Any) -> bool:
    return isinstance(value, partial | Expression | type) or inspect.isroutine(value)


def _is_telling(value: Any) -> bool:
    """Whether it says what an object does, and can't change by itself."""
    return _is_code(value) or tensors.is_of_data(value) or tensors.is_array(value)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return shortened(str(value))
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else repr(float(value))
    if isinstance(value, int) and value.bit_length() > _BITS:
        return shortened(hex(value))
    return value


def _rest(items: Iterable[Any]) -> str:
    """What stands for the items beyond the first ones; those that are not plain are only counted."""
    items = [*items]
    sum_ = f" ({checksum(repr(items))})" if all(map(plain, items)) else ""
    return f"... and {len(items):,} more{sum_}"


def _has_words(kind: type[Any]) -> bool:
    """Whether its objects say more of themselves than where they are."""
    make: Any = kind.__repr__
    return make is not object.__repr__


def _own_words(value: Any) -> str:
    """What a thing says of itself; the name of its class where that fails, or is very much."""
    try:
        words = repr(value)
    except Exception:  # noqa: BLE001  users' code; what is to be described may be broken, and the search is not
        return f"<{name_of(type(value))}>"
    if len(words) > _SUMMED:
        return f"<{name_of(type(value))}>"
    words = without_addresses(words, value)
    return f"{shortened(words)}{code_mark(type(value)) if callable(value) else ''}"


def _call(name: str, arguments: Mapping[str, str]) -> str:
    given = [item if name.isdecimal() else f"{name}={item}" for name, item in arguments.items()]
    return f"{name}({', '.join(given)})"
