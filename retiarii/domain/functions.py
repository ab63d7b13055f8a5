"""Functions of expressions that Python has no operator for, and expressions from JSON."""

from __future__ import annotations

from typing import Any

from retiarii.domain.arithmetic import active_resolver
from retiarii.domain.expression import Argument, Call, Expression, Symbol, lift
from retiarii.domain.operators import OPERATORS
from retiarii.errors import FormatError


def to_int(value: Any) -> Any:
    """`int(value)`, for expressions too."""
    return _call("int", value)


def to_float(value: Any) -> Any:
    """`float(value)`, for expressions too."""
    return _call("float", value)


def condition(predicate: Any, if_true: Any, if_false: Any) -> Any:
    """`if_true if predicate else if_false`; only the branch that is taken is evaluated."""
    return _call("condition", predicate, if_true, if_false)


def maximum(*values: Any) -> Any:
    """The largest of the values, or of the items of one list of values."""
    return _call("max", *_items(values))


def minimum(*values: Any) -> Any:
    """The smallest of the values, or of the items of one list of values."""
    return _call("min", *_items(values))


def expression_from_json(data: object) -> Expression:
    """The expression that `Expression.to_json` wrote, over plain symbols.

    Raises:
        FormatError: `data` is not such JSON, or names an operator outside the closed table.
    """
    if not isinstance(data, dict):
        raise FormatError(f"an expression is a JSON object, not {data!r}")
    if data.keys() == {"choice"} and isinstance(data["choice"], str):
        return Symbol(data["choice"])
    if data.keys() != {"operator", "arguments"}:
        raise FormatError(f"an expression has the key 'choice' (a label) or 'operator' and 'arguments', not {data!r}")
    name, arguments = data["operator"], data["arguments"]
    if not isinstance(name, str) or name not in OPERATORS:
        raise FormatError(f"unknown operator {name!r} in an expression; known are {', '.join(OPERATORS)}")
    if not isinstance(arguments, list) or not OPERATORS[name].fewest <= len(arguments) <= OPERATORS[name].most:
        raise FormatError(f"operator {name!r} takes {OPERATORS[name].takes} arguments in a list, not {arguments!r}")
    return Call(name, tuple([_argument_from_json(argument) for argument in arguments]))


def _argument_from_json(data: object) -> Argument:
    if isinstance(data, dict):
        return expression_from_json(data)
    try:
        return lift(data)
    except TypeError as error:
        raise FormatError(f"{data!r} cannot be an argument in an expression: {error}") from error


def _items(values: tuple[Any, ...]) -> tuple[Any, ...]:
    alone = len(values) == 1 and isinstance(values[0], list | tuple)
    return tuple(values[0]) if alone else values


def _call(name: str, *values: Any) -> Any:
    entry = OPERATORS[name]
    if not any(isinstance(value, Expression) for value in values):
        return entry.function(*values)
    try:
        return Call(name, tuple([lift(value) for value in values]))
    except TypeError:
        resolve = active_resolver()
        if resolve is None:
            raise
    return entry.function(*[resolve(value) if isinstance(value, Expression) else value for value in values])
