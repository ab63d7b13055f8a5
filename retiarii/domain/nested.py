"""Expressions inside tuples, lists and dicts, as in the arguments of a layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from retiarii.domain.expression import Expression, Symbol
from retiarii.domain.value import Value


def evaluate_nested(value: Any, sample: Mapping[str, Value]) -> Any:
    """`value` with every expression in its tuples, lists and dicts evaluated under `sample`."""
    return resolve_nested(value, lambda expression: expression.evaluate(sample))


def resolve_nested(value: Any, resolve: Callable[[Expression], Any]) -> Any:
    """`value` with every expression in its tuples, lists and dicts replaced by what `resolve` makes of it."""
    if isinstance(value, Expression):
        return resolve(value)
    if isinstance(value, dict):
        return {key: resolve_nested(item, resolve) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve_nested(item, resolve) for item in value]
    if not isinstance(value, tuple):
        return value
    items = [resolve_nested(item, resolve) for item in value]
    return type(value)(*items) if hasattr(value, "_fields") else tuple(items)


def contains_expression(value: Any) -> bool:
    """Whether `value` is an expression or a nest of tuples, lists and dicts with one inside."""
    return next(_expressions(value), None) is not None


def symbols_in(value: Any) -> tuple[Symbol, ...]:
    """The distinct symbols (by identity) of all expressions in the nest, in order of first appearance."""
    found = {id(symbol): symbol for expression in _expressions(value) for symbol in expression.symbols}
    return tuple(found.values())


def _expressions(value: Any) -> Iterator[Expression]:
    if isinstance(value, Expression):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _expressions(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _expressions(item)
