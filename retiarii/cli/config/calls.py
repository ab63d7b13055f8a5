"""Whether a class or a function takes the arguments that a config gives it."""

from __future__ import annotations

import inspect
import reprlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from types import NoneType, UnionType
from typing import Any, Literal, Union, Unpack, get_args, get_origin, get_type_hints, is_typeddict

from pydantic import TypeAdapter, ValidationError

from retiarii.cli.config.problems import Problem, few, near

_KIND = inspect.Parameter
_PLAIN = (bool, int, float, str, NoneType)
_LISTS = (list, tuple, set, Sequence, Collection, Iterable)
_MAPPINGS = (dict, Mapping)
_UNIONS = (Union, UnionType)
_ANYTHING = {"arguments": _KIND("arguments", _KIND.VAR_KEYWORD)}
_SPACE = "space"
"""A parameter of this name that is needed and not given gets the space of the config."""


class Callee:
    """A class or a function, with what is known of its parameters.

    Args:
        target: What is called.
        after_model: Whether a model is its first argument, and goes without saying.
    """

    def __init__(self, target: Callable[..., Any], *, after_model: bool = False) -> None:
        self._target = target
        self._parameters = _after_model(target) if after_model else _parameters(target)
        self._hints = _hints(target)
        options = [name for name, kind in self._kinds() if kind is _KIND.VAR_KEYWORD]
        self._options: Mapping[str, Any] | None = _options(self._hints.get(options[0])) if options else {}
        self._needed = [
            name
            for name, parameter in self._parameters.items()
            if parameter.default is _KIND.empty and parameter.kind not in (_KIND.VAR_POSITIONAL, _KIND.VAR_KEYWORD)
        ]

    def problems(self, name: str, arguments: Mapping[str, Any]) -> list[Problem]:
        """What is wrong with arguments; the paths are those within them. `name` says whose they are."""
        names = {*[name for name, kind in self._kinds() if kind is not _KIND.VAR_KEYWORD], *(self._options or ())}
        unknown = [] if self._options is None else [each for each in arguments if each not in names]
        missing = [each for each in self._needed if each not in arguments and each != _SPACE]
        wrong = {each: self._wrong(each, value) for each, value in arguments.items()}
        return [
            *[Problem((each,), _unknown(name, each, names)) for each in unknown],
            *[Problem((), f"{name} needs the argument {each}") for each in missing],
            *[Problem((each,), text) for each, text in wrong.items() if text],
        ]

    def call(self, arguments: Mapping[str, Any], space: Any) -> Any:
        """What it returns. Parameters that have no name in a call, such as `*middleware`, are given by name, too."""
        given = {_SPACE: space, **arguments} if _SPACE in self._needed else dict(arguments)
        positional: list[Any] = []
        for name, kind in self._kinds():
            if kind is _KIND.POSITIONAL_ONLY and name in given:
                positional.append(given.pop(name))
            if kind is _KIND.VAR_POSITIONAL and name in given:
                before = [each for each in self._kinds() if each[1] is _KIND.POSITIONAL_OR_KEYWORD]
                positional += [given.pop(each, self._parameters[each].default) for each, _ in before]
                positional += given.pop(name)
        return self._target(*positional, **given)

    def _kinds(self) -> list[tuple[str, Any]]:
        return [(name, parameter.kind) for name, parameter in self._parameters.items()]

    def _wrong(self, name: str, value: Any) -> str:
        """What is wrong with the type of a value, as far as plain annotations tell."""
        if name in self._parameters and self._parameters[name].kind is _KIND.VAR_POSITIONAL:
            return "" if isinstance(value, list) else f"is {reprlib.repr(value)}; give a list"
        known = {each: hint for each, hint in self._hints.items() if each in self._parameters}
        annotation: Any = {**(self._options or {}), **known}.get(name)
        if not _is_data(value) or not _is_plain(annotation):
            return ""
        try:
            TypeAdapter(annotation).validate_python(value, strict=isinstance(value, _PLAIN))
        except ValidationError:
            return f"is {reprlib.repr(value)}; give {_words(annotation)}"
        return ""


def _unknown(name: str, argument: str, known: Collection[str]) -> str:
    meant = near(argument, known)
    if meant is not None:
        return f"unknown; did you mean {meant}?"
    return f"{name} has no argument {argument}; it takes {few(known) or 'none'}"


def _parameters(target: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        if isinstance(target, type) and type(target).__call__ is not type.__call__:  # as of ModelSpace, which hides it
            target = partial(target.__init__, None)  # type: ignore[misc]
        return inspect.signature(target).parameters
    except (TypeError, ValueError):  # some of C have none
        return _ANYTHING


def _after_model(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Those of the outermost function, as a decorator may give some to the function in it."""
    try:
        return inspect.signature(partial(function, None), follow_wrapped=False).parameters
    except (TypeError, ValueError):  # it takes no model: the evaluator says so
        return _ANYTHING


def _hints(target: Callable[..., Any]) -> Mapping[str, Any]:
    function = target.__init__ if isinstance(target, type) else target  # type: ignore[misc]
    try:
        return get_type_hints(function)
    except (AttributeError, NameError, TypeError):  # annotations may name what is imported for type checkers alone
        return {}


def _options(annotation: Any) -> Mapping[str, Any] | None:
    """The keyword arguments of `**options: Unpack[TypedDict]`; None if there may be any."""
    if get_origin(annotation) is not Unpack or not is_typeddict(get_args(annotation)[0]):
        return None
    options = get_args(annotation)[0]
    try:
        return get_type_hints(options)
    except NameError:
        return dict(options.__annotations__)


def _is_data(value: Any) -> bool:
    """Whether a value is all there, with nothing in it that is still to be made."""
    if isinstance(value, list):
        return all([_is_data(item) for item in value])
    if isinstance(value, dict):
        return all([_is_data(item) for item in value.values()])
    return isinstance(value, _PLAIN)


def _is_plain(annotation: Any) -> bool:
    """Whether an annotation speaks of nothing but what YAML has."""
    if get_origin(annotation) in (*_UNIONS, *_LISTS, *_MAPPINGS):
        return all([_is_plain(part) for part in get_args(annotation) if part is not Ellipsis])
    return annotation in (*_PLAIN, *_LISTS, *_MAPPINGS) or get_origin(annotation) is Literal


def _words(annotation: Any) -> str:
    origin = get_origin(annotation) or annotation
    if origin in _UNIONS:
        return " or ".join([_words(part) for part in get_args(annotation)])
    if origin is Literal:
        return " or ".join([repr(value) for value in get_args(annotation)])
    inner = [_MANY.get(part) for part in get_args(annotation)[:1]] if origin in _LISTS else []
    return _NAMES.get(origin, str(origin)) + (f" of {inner[0]}" if any(inner) else "")


_MANY: Mapping[Any, str] = {int: "integers", float: "numbers", str: "texts"}
_NAMES: Mapping[Any, str] = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "a text",
    NoneType: "null",
    **{kind: "a list" for kind in _LISTS},
    **{kind: "a mapping" for kind in _MAPPINGS},
}
