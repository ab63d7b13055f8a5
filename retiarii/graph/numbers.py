"""Sizes and the training flag, as a forward sees them while it is traced with example inputs."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from torch import fx

if TYPE_CHECKING:
    from retiarii.graph.example import ExampleTracer

_ARITHMETIC = ("add", "sub", "mul", "floordiv", "mod")


class Number(int):
    """A size: an ordinary integer to Python, and a node to the graph when it becomes an argument.

    It can't be hashed, since a cache would give the sizes of one tensor for those of another.
    """

    tracer: ExampleTracer
    _create: Callable[[], fx.Node]
    _key: object

    @classmethod
    def made(cls, value: int, tracer: ExampleTracer, create: Callable[[], fx.Node]) -> Self:
        """A number that `create` can record when it is needed."""
        number = cls(value)
        number.tracer, number._create, number._key = tracer, create, object()
        return number

    def node(self, tracer: ExampleTracer) -> fx.Node:
        """The node that gives this number."""
        return tracer.cached(self._key, self._create)

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return int.__eq__(self, other) if isinstance(other, int) else NotImplemented

    def __neg__(self) -> Number:
        return Number.made(-int(self), self.tracer, lambda: self._record(operator.neg, self))

    def _record(self, function: Callable[..., Any], *arguments: Any) -> fx.Node:
        return self.tracer.create_node("call_function", function, self.tracer.create_arg(arguments), {})


def _arithmetic(name: str, *, swapped: bool) -> Callable[[Number, Any], Any]:
    function = getattr(operator, name)

    def method(self: Number, other: Any) -> Any:
        if type(other) is not int and type(other) is not Number:
            return getattr(int, f"__{'r' if swapped else ''}{name}__")(self, other)
        left, right = (other, self) if swapped else (self, other)
        return Number.made(function(int(left), int(right)), self.tracer, lambda: self._record(function, left, right))

    return method


for _name in _ARITHMETIC:
    setattr(Number, f"__{_name}__", _arithmetic(_name, swapped=False))
    setattr(Number, f"__r{_name}__", _arithmetic(_name, swapped=True))


class TrainingFlag:
    """`self.training`, while it may be either."""

    records_operations = True

    def node(self, tracer: ExampleTracer) -> fx.Node:
        """The node that gives the flag."""
        from retiarii.graph.branches import is_training  # noqa: PLC0415

        return tracer.create_node("call_function", is_training, (), {})

    def __bool__(self) -> bool:
        from retiarii.graph.tracer import TrainingAsked  # noqa: PLC0415  the tracer builds on this module

        raise TrainingAsked
