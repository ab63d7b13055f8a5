"""What plain Python code gets for an expression while several values of it count at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from retiarii.domain.expression import Expression, Symbol
from retiarii.domain.reach import reachable
from retiarii.domain.value import Value
from retiarii.errors import SpaceError

_MOST = 20_000
"""As many joint values are tried for any part of an expression."""
_MOST_KNOWN = 1024

Options = Mapping[str, tuple[Any, ...]]
"""By label the values that count."""


def are_numbers(values: Iterable[Any]) -> bool:
    """Whether all values are numbers, of which the largest can stand for all."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


class PlainValues:
    """One value for all that count: of numbers, as of widths, the largest; of conditions, whether any can hold."""

    def __init__(self) -> None:
        self._known: dict[Any, Value] = {}

    def of(self, expression: Expression, options: Options) -> Any:
        """The value of an expression.

        Raises:
            SpaceError: there are several values of which none stands for all.
        """
        key = (id(expression), tuple([options[label] for label in expression.labels]))
        if key not in self._known:
            if len(self._known) > _MOST_KNOWN:
                self._known.clear()
            self._known[key] = _plain(expression, options)
        return self._known[key]


def _plain(expression: Expression, options: Options) -> Any:
    own = {label: list(options[label]) for label in expression.labels}
    values = reachable(expression, own, _MOST)
    if values is not None and len(values) == 1:
        return values[0]
    if values and all(isinstance(value, bool) for value in values) and not isinstance(expression, Symbol):
        return any(values)
    if values and are_numbers(values):
        return max(cast("list[float]", values))
    raise SpaceError(
        f"the forward looks at {expression!r}, of which several values count at once: such a model can only be "
        "sampled, by RandomOneShot or ENAS"
    )
