"""Which values an expression can have, found part by part where its choices have too many joint values to try."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, cast

from retiarii.domain.expression import Argument, Call, Decided, Expression, Symbol
from retiarii.domain.value import Value
from retiarii.errors import SampleError

Options: TypeAlias = Mapping[str, Sequence[Value]]
"""By label what each choice can be."""


def reachable(expression: Argument, options: Options, most: int) -> list[Value] | None:
    """The values that an expression can have; joint values under which it cannot be computed count for none.

    They are all that there are if every joint value of the choices is allowed. What each vertex of a NAS-Bench-101
    cell may have as channels is found for all vertices alike, which includes the largest number that there is.

    Args:
        expression: over choices.
        options: by label what each can be.
        most: as many joint values are tried for any part of it.

    Returns:
        The values; None where more than `most` would have to be tried.
    """
    if not isinstance(expression, Expression):
        return [cast("Value", expression)]
    if isinstance(expression, Symbol):
        return list(options[expression.label])
    if math.prod([len(options[label]) for label in expression.labels]) <= most:
        return _distinct(_computed(expression, {label: options[label] for label in expression.labels}))
    call = expression
    assert isinstance(call, Call)  # noqa: S101  for the type checker: an expression is a symbol or a call
    known = _SPECIAL[call.operator](call, options, most) if call.operator in _SPECIAL else None
    return _by_parts(call, options, most) if known is None else known


def _computed(expression: Expression, options: Options) -> Iterator[Value]:
    for values in itertools.product(*options.values()):
        try:
            yield expression.evaluate(Decided(dict(zip(options, values, strict=True))))
        except SampleError:
            continue


def _distinct(values: Iterator[Value]) -> list[Value]:
    return list({(type(value), value): value for value in values}.values())


def _by_parts(call: Call, options: Options, most: int) -> list[Value] | None:
    """The values of a call from those of its largest parts whose choices stand nowhere else in it."""
    inner = _separate(call)
    inside: dict[str, list[Value]] = {}
    for name, part in inner.items():
        values = reachable(part, options, most)
        if values is None:
            return None
        inside[name] = values
    outer = _replaced(call, {id(part): Symbol(name) for name, part in inner.items()})
    if not inner or not isinstance(outer, Expression):
        return None
    known = {label: inside.get(label, options.get(label, ())) for label in outer.labels}
    if math.prod(map(len, known.values())) > most:
        return None
    return _distinct(_computed(outer, known))


def _separate(root: Call) -> dict[str, Call]:
    """The largest calls inside of one whose choices stand nowhere else in it, by names of their own."""
    found: dict[int, Call] = {}
    waiting = list(root.arguments)
    while waiting:
        part = waiting.pop()
        if not isinstance(part, Call) or id(part) in found:
            continue
        own = {symbol.label for symbol in part.symbols}
        if own and own.isdisjoint(_outside(root, part)):
            found[id(part)] = part
        else:
            waiting += part.arguments
    return {f"<part {place}>": part for place, part in enumerate(found.values())}


def _outside(root: Call, part: Call) -> set[str]:
    """The labels in an expression that stand outside of a part of it."""
    outer = _replaced(root, {id(part): None})
    return set(outer.labels) if isinstance(outer, Expression) else set()


def _replaced(argument: Argument, table: Mapping[int, Argument]) -> Argument:
    if id(argument) in table:
        return table[id(argument)]
    if not isinstance(argument, Call):
        return argument
    return Call(argument.operator, tuple([_replaced(each, table) for each in argument.arguments]))


def _unused(call: Call, options: Options, most: int) -> list[Value] | None:
    """What is left of the numbers after one collection and the next, where these have no choices in common."""
    labels = [label for each in call.arguments if isinstance(each, Expression) for label in each.labels]
    found = [reachable(each, options, most) for each in call.arguments]
    if len(labels) > len(set(labels)) or any(values is None for values in found):
        return None
    low, high, *taken = cast("list[list[Any]]", found)
    left = {tuple(range(*ends)) for ends in itertools.product(low, high)}
    for collections in taken:
        left = {tuple([number for number in numbers if number not in used]) for numbers in left for used in collections}
    return [*sorted(left)]


def _vertex_channels(call: Call, options: Options, most: int) -> list[Value] | None:
    """The shares of the output's channels, the same for all vertices; the whole is one of them."""
    before, after, wiring = call.arguments
    given, wanted = reachable(before, options, most), reachable(after, options, most)
    if given is None or wanted is None or not isinstance(wiring, Call) or wiring.operator != "pruned":
        return None
    vertices = len(wiring.arguments)
    pairs = cast("Iterator[tuple[Any, Any]]", itertools.product(given, wanted))
    found = {(first, *[share] * (vertices - 1)) for first, whole in pairs for share in _shares(whole, vertices)}
    return [*sorted(found)]


def _shares(whole: int, vertices: int) -> Iterator[int]:
    for count in range(1, max(vertices - 1, 2)):
        share, over = divmod(whole, count)
        yield from (share, share + (over > 0))


_SPECIAL: Mapping[str, Callable[[Call, Options, int], list[Value] | None]] = {
    "unused": _unused,
    "vertex_channels": _vertex_channels,
}
"""Operators that take the choices of a whole cell."""
