"""What an undecided expression comes to while a forward runs: its default, what a supernet decides, or a record."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

from torch import nn

from retiarii.domain.arithmetic import active_resolver
from retiarii.domain.expression import Expression
from retiarii.graph.choose import combine, current_tracer, select
from retiarii.graph.chosen import ChosenInputs

Option = TypeVar("Option")


class Answer(ABC):
    """How an expression is decided just now. Modules with choices ask it, and know nothing else of who decides.

    Attributes:
        expression: what is asked for.
    """

    def __init__(self, expression: Expression) -> None:
        self.expression = expression

    @abstractmethod
    def value(self) -> Any:
        """The value, for code that needs a plain one."""

    def select(self, options: Mapping[Any, Option], run: Callable[[Option], Any]) -> Any:
        """What `run` makes of the option for the value.

        Args:
            options: by the values of the expression.
            run: is called with an option when that is needed; its results for all options have the same shapes.
        """
        return run(options[self.value()])

    def combine(self, inputs: Sequence[Any], reduction: str, shown: Sequence[int], dimension: int = 1) -> Any:
        """Those of the inputs whose indices are the value, reduced.

        Args:
            inputs: tensors of the same shape.
            reduction: see `ChosenInputs`.
            shown: indices that stand for what may be chosen.
            dimension: along which a concatenation goes.
        """
        return ChosenInputs.reduced([inputs[index] for index in self.value()], reduction, dimension)

    def run(self, layer: nn.Module, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        """What a layer whose arguments are the value makes of its inputs.

        Args:
            layer: a grown layer; see `retiarii.nn.growth`.
            inputs: those given by position.
            named: those given by name.
        """
        return cast("Any", layer).run(self.value(), inputs, named)


class Default(Answer):
    """The value where no sample decides."""

    def value(self) -> Any:
        return default_value(self.expression)


class Recorded(Answer):
    """Says, while a forward is traced, that a choice is made here."""

    def value(self) -> Any:
        resolve = active_resolver()
        return default_value(self.expression) if resolve is None else resolve(self.expression)

    def select(self, options: Mapping[Any, Option], run: Callable[[Option], Any]) -> Any:
        return select(self.expression, tuple(options), [run(option) for option in options.values()])

    def combine(self, inputs: Sequence[Any], reduction: str, shown: Sequence[int], dimension: int = 1) -> Any:
        return combine(self.expression, reduction, inputs, shown, dimension)


def is_tracing() -> bool:
    """Whether a tracer records what runs now."""
    tracer = current_tracer()
    return tracer is not None and not tracer.is_paused


def answer_of(module: nn.Module, name: str, expression: Expression) -> Answer:
    """What answers for an expression of a module.

    Args:
        module: it may hold, as `answers`, what a supernet decides.
        name: the name of the expression in the module, as in its `undecided()`.
        expression: the expression itself.
    """
    if is_tracing():
        return Recorded(expression)
    answers = module.__dict__.get("answers")
    return Default(expression) if answers is None else cast("Answer", answers[name])


def default_value(expression: Expression) -> Any:
    """The value of an expression in a model that no sample has decided."""
    return expression.evaluate({symbol.label: cast("Any", symbol).default for symbol in expression.symbols})
