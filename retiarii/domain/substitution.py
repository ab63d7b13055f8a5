"""Expressions with some of their choices decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from retiarii.domain.expression import Argument, Call, Expression, Symbol
from retiarii.domain.value import Value, frozen
from retiarii.errors import SampleError


def substituted(argument: Argument, decided: Mapping[str, Value]) -> Argument:
    """`argument` with the `decided` labels replaced by their values, and computed as far as that goes.

    What cannot be computed, such as a division by zero, is left as it is: it may never be needed.
    """
    if isinstance(argument, Symbol):
        known = argument.label in decided
        return cast(Argument, frozen(decided[argument.label])) if known else argument
    if not isinstance(argument, Call):
        return argument
    arguments = tuple([substituted(each, decided) for each in argument.arguments])
    if argument.operator in ("and", "or"):
        return _logical(argument.operator, arguments)
    if argument.operator == "condition" and not isinstance(arguments[0], Expression):
        return arguments[1] if arguments[0] else arguments[2]
    return _computed(Call(argument.operator, arguments))


def _computed(call: Call) -> Argument:
    if any(isinstance(each, Expression) for each in call.arguments):
        return call
    try:
        return cast(Argument, call.evaluate({}))
    except SampleError:
        return call


def _logical(operator: str, arguments: tuple[Argument, ...]) -> Argument:
    absorbing = operator == "or"
    if any(not isinstance(each, Expression) and bool(each) is absorbing for each in arguments):
        return absorbing
    if not any(isinstance(each, Expression) for each in arguments):
        return not absorbing
    return Call(operator, tuple([each if isinstance(each, Expression) else not absorbing for each in arguments]))
