"""What evaluators leave open: the choices in their arguments, in place of which a sample puts values."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections import deque
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

from retiarii.domain import Domain, Expression, Sample, Symbol, symbols_in
from retiarii.engine import Space
from retiarii.errors import ExperimentError
from retiarii.evaluator import Evaluator

_OURS = "retiarii."
_PLAIN = frozenset({bool, bytes, complex, float, int, str, type(None)})
"""What may be there a million times, as in data."""


def open_symbols(value: Any) -> tuple[Symbol, ...]:
    """The distinct symbols of all expressions in the nest of dicts, lists, tuples and dataclasses."""
    return symbols_in([*_parts(value, set())])


def with_values(value: Any, sample: Sample) -> Any:
    """`value` with every expression in its dicts, lists, tuples and dataclasses evaluated."""
    if isinstance(value, dict):
        return {key: with_values(item, sample) for key, item in value.items()}
    if isinstance(value, list):
        return [with_values(item, sample) for item in value]
    if isinstance(value, tuple):
        items = [with_values(item, sample) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if _is_record(value):
        opened = {name: held for name, held in _held(value).items() if open_symbols(held)}
        return replace(value, **with_values(opened, sample)) if opened else value
    return value.evaluate(sample) if isinstance(value, Expression) else value


def refuse_unsearched(evaluator: Evaluator, space: Space) -> None:
    """Sees that all that an evaluator leaves open can be decided.

    Raises:
        ExperimentError: there is a choice where samples don't get: in a module, set, namespace or partial function, in
            the attributes of some other object, or in what the evaluator's `searchable` does not give.
    """
    offered = evaluator.searchable()
    for name, value in offered.items():
        for found in _unsearched(name, value, space):
            raise ExperimentError(found.text)
    searched = {id(symbol) for value in offered.values() for symbol in open_symbols(value)}
    held = {name: value for name, value in vars(evaluator).items() if name not in offered}
    for name, value in held.items():
        for found in _unoffered(name, value, space):
            if id(found.symbol) not in searched:
                raise ExperimentError(found.text)


@dataclass(frozen=True, slots=True)
class _Found:
    """A choice where it is not searched."""

    symbol: Symbol
    text: str
    """Where that is, and what to do."""


def _unsearched(name: str, value: Any, space: Space) -> Iterator[_Found]:
    """The choices in what samples don't get into, in a value that they get into."""
    for part in _parts(value, set()):
        for symbol in _in_module(part, space):
            yield _Found(
                symbol,
                f"the evaluator's {name!r} is a {type(part).__name__} with {_named(symbol)}, but modules are searched "
                f"in the space only: give {name}=nn.ValueChoice(['one', 'other']), and make the module in the "
                "evaluation",
            )
        for symbol in _symbols_deep_in(_inside(part), space):
            yield _Found(
                symbol,
                f"the evaluator's {name!r} has {_named(symbol)} in a {type(part).__name__}, where it is not searched: "
                "give it as an argument of its own, or in a dict, list, tuple or dataclass",
            )
        for symbol in symbols_in(_attributes(part)):
            kind = type(part).__name__
            yield _Found(
                symbol,
                f"the evaluator's {name!r} has {_named(symbol)} in an attribute of {kind}, where it is not "
                f"searched: give it as an argument of its own, and make {kind} in the evaluation (callbacks in "
                "configure_callbacks of a LightningModule that takes the argument)",
            )


def _unoffered(name: str, value: Any, space: Space) -> Iterator[_Found]:
    """The choices anywhere in a value that samples don't get into."""
    yield from _unsearched(name, value, space)
    for symbol in open_symbols(value):
        yield _Found(
            symbol,
            f"the evaluator's {name!r} has {_named(symbol)}, but its `searchable` does not give that: extend "
            "`searchable` and `decided`",
        )


def _parts(value: Any, entered: set[int]) -> Iterator[Any]:
    """What a nest of dicts, lists, tuples and dataclasses consists of, from whatever depth, but for plain values."""
    inside = _items(value)
    if inside is None:
        yield value
    elif id(value) not in entered:
        entered.add(id(value))
        for item in inside:
            if type(item) not in _PLAIN:
                yield from _parts(item, entered)


def _items(value: Any) -> list[Any] | None:
    """What is in a dict, list, tuple or dataclass; None for anything else."""
    if isinstance(value, dict):
        return [*value.values()]
    if isinstance(value, list | tuple):
        return [*value]
    return [*_held(value).values()] if _is_record(value) else None


def _inside(value: Any) -> list[Any]:
    """What is in a thing that samples don't get into, but for plain values."""
    if isinstance(value, Mapping):
        return [item for item in value.values() if type(item) not in _PLAIN]
    if isinstance(value, Set | deque):
        return [item for item in value if type(item) not in _PLAIN]
    if isinstance(value, Namespace | SimpleNamespace):
        return [*vars(value).values()]
    return [value.func, *value.args, *value.keywords.values()] if isinstance(value, partial) else []


def _attributes(value: Any) -> list[Any]:
    """The attributes of an object that is made by a class of somebody's, and what is in dicts among them."""
    kind = type(value)
    if isinstance(value, type | FunctionType | ModuleType | Expression | Namespace | SimpleNamespace | partial):
        return []
    if _is_module(value) or kind.__module__.startswith(_OURS) or not hasattr(value, "__dict__"):
        return []
    held = [*vars(value).values()]
    held += [item for mapping in held if isinstance(mapping, dict) for item in mapping.values()]
    return [item for item in held if isinstance(item, Expression)]


def _symbols_deep_in(values: list[Any], space: Space) -> Iterator[Symbol]:
    waiting, entered = [*values], set[int]()
    while waiting:
        for part in _parts(waiting.pop(), entered):
            yield from symbols_in(part)
            yield from _in_module(part, space)
            if id(part) not in entered:
                entered.add(id(part))
                waiting += _inside(part)


def _is_record(value: Any) -> bool:
    """Whether a value is a user's dataclass; our own that hold expressions, such as constraints, are what they are."""
    kind = type(value)
    return is_dataclass(kind) and not isinstance(value, Expression) and not kind.__module__.startswith(_OURS)


def _held(record: Any) -> dict[str, Any]:
    """The fields that a dataclass is made with."""
    return {field.name: getattr(record, field.name) for field in fields(record) if field.init}


def _is_module(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def _in_module(module: Any, space: Space) -> tuple[Symbol, ...]:
    """The choices of a module, unless it is a space or all of them are the space's, as in a supernet."""
    if not _is_module(module) or isinstance(getattr(module, "domain", None), Domain):
        return ()
    from retiarii.nn.choice import ChoiceModule  # noqa: PLC0415  evaluators without modules need no torch
    from retiarii.space.defaults import undecided_attributes  # noqa: PLC0415

    choices = [child.symbol for child in module.modules() if isinstance(child, ChoiceModule)]
    arguments = [vars(child).get("choice_arguments") for child in module.modules()]
    attributes = [vars(module.get_submodule(path))[name] for path, name in undecided_attributes(module)]
    shapes = [getattr(parameter, "choice_shape", None) for parameter in module.parameters()]
    symbols = symbols_in([choices, arguments, attributes, shapes])
    return symbols if any(symbol.label not in space.domain.choices for symbol in symbols) else ()


def _named(symbol: Symbol) -> str:
    is_provisional = symbol.label.startswith("<") or not getattr(symbol, "is_labelled", True)
    return "a choice without a label" if is_provisional else f"the choice {symbol.label!r}"
