"""What is left open, in words: what it ranges over."""

from __future__ import annotations

from typing import Any

from retiarii.domain import Categorical, Choice, Expression, Numeric, Subset, Symbol
from retiarii.domain.expression import Call
from retiarii.domain.operators import ATOM, UNARY, written
from retiarii.experiment.texts import shortened

_MOST_STEPS = 100
_MOST_NAMED = 5


def range_in_words(expression: Expression) -> str:
    """An expression with what its choices range over: `2 * choice(16, 32, label='width')`, `loguniform(0.001, 0.1)`.

    Labels that nobody gave are left out, for they count up.
    """
    if _is_long(expression):
        symbols = expression.symbols
        more = f" and {len(symbols) - _MOST_NAMED} more" if len(symbols) > _MOST_NAMED else ""
        return shortened(f"an expression of {', '.join(map(_symbol, symbols[:_MOST_NAMED]))}{more}")
    return shortened(_written(expression)[0])


def _is_long(expression: Expression) -> bool:
    """Whether it takes many steps, those counted twice that are there twice: it would take as long to write it."""
    waiting: list[Any] = [expression]
    for _ in range(_MOST_STEPS):
        if not waiting:
            return False
        step = waiting.pop()
        waiting += step.arguments if isinstance(step, Call) else step if isinstance(step, tuple) else ()
    return bool(waiting)


def _written(value: Any) -> tuple[str, int]:
    if isinstance(value, Call):
        return written(value.operator, [_written(argument) for argument in value.arguments])
    if isinstance(value, Symbol):
        return _symbol(value), ATOM
    is_negative = isinstance(value, int | float) and value < 0
    return repr(value), UNARY if is_negative else ATOM


def _symbol(symbol: Symbol) -> str:
    choice = getattr(symbol, "choice", None)
    label = [f"label={symbol.label!r}"] if getattr(symbol, "is_labelled", True) else []
    if not isinstance(choice, Choice):
        return f"choice({', '.join(label)})"
    name, arguments = _range(choice)
    return f"{name}({', '.join([shortened(arguments), *label])})"


def _range(choice: Choice) -> tuple[str, str]:
    if isinstance(choice, Categorical):
        return "choice", ", ".join(map(repr, choice.candidates))
    if isinstance(choice, Subset):
        return "subset", f"{choice.n_candidates}, {choice.minimum}, {choice.maximum}"
    assert isinstance(choice, Numeric)  # noqa: S101  for the type checker: there are three kinds
    name = "randint" if choice.integer else "loguniform" if choice.log else "uniform"
    return name, f"{choice.low!r}, {choice.high!r}{', log=True' if choice.integer and choice.log else ''}"
