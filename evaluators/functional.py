"""An evaluator made of a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from retiarii.errors import ExperimentError
from retiarii.evaluator import Argument, Metrics
from retiarii.evaluators.undecided import WithArguments, refuse_undecided


class FunctionalEvaluator(WithArguments):
    """Scores a model by calling a function of it.

    A number that the function returns is the metric of the objective, "default" unless `Experiment(objectives=...)`
    says otherwise. A function that returns a mapping of several metrics has one called "default" among them, or the
    experiment says which to optimise.

    Arguments may be left open, and an experiment searches them with the model space; a choice without a label gets the
    name of its argument::

        FunctionalEvaluator(train, epochs=3, lr=nn.ValueChoice.loguniform(1e-4, 1e-1))

    Args:
        function: Called as `function(model, **arguments)`.
        argument: What the function takes: the built "module", the "graph" or the "sample".
        arguments: Handed on to the function; value choices, and expressions over them, decided, also those in dicts,
            lists, tuples and dataclasses. Elsewhere (modules, sets, namespaces, partial functions, attributes of other
            objects) an experiment refuses them.
    """

    def __init__(self, function: Callable[..., Metrics], /, *, argument: Argument = "module", **arguments: Any) -> None:
        if not callable(function):
            raise ExperimentError(f"FunctionalEvaluator takes a function of a model, and got {function!r}")
        if argument not in self.ARGUMENTS:
            raise ExperimentError(f"argument is {argument!r}; expected one of {', '.join(map(repr, self.ARGUMENTS))}")
        self.function = function
        self.argument = argument
        self.arguments = arguments

    def evaluate(self, model: Any) -> Metrics:
        refuse_undecided(self.arguments)
        return self.function(model, **self.arguments)

    def __repr__(self) -> str:
        name = getattr(self.function, "__qualname__", repr(self.function))
        return f"FunctionalEvaluator({name}, argument={self.argument!r})"
