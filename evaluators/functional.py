"""An evaluator made of a function."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from types import BuiltinFunctionType
from typing import Any

from retiarii.errors import ExperimentError
from retiarii.evaluator import Argument, Metrics
from retiarii.evaluators.undecided import WithArguments, refuse_undecided

_KIND = inspect.Parameter
_BY_NAME = (_KIND.POSITIONAL_OR_KEYWORD, _KIND.KEYWORD_ONLY)


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

    Raises:
        ExperimentError: the function can't be called so: it lacks an argument, or takes none of this name. Of functions
            in C, and of what decorators hide, that is not known.
    """

    def __init__(self, function: Callable[..., Metrics], /, *, argument: Argument = "module", **arguments: Any) -> None:
        if not callable(function):
            raise ExperimentError(f"FunctionalEvaluator takes a function of a model, and got {function!r}")
        if argument not in self.ARGUMENTS:
            raise ExperimentError(f"argument is {argument!r}; expected one of {', '.join(map(repr, self.ARGUMENTS))}")
        _check_call(function, arguments)
        self.function = function
        self.argument = argument
        self.arguments = arguments

    def evaluate(self, model: Any) -> Metrics:
        refuse_undecided(self.arguments)
        return self.function(model, **self.arguments)

    def __repr__(self) -> str:
        return f"FunctionalEvaluator({_name(self.function)}, argument={self.argument!r})"


def _name(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__qualname__", repr(function)))


def _check_call(function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Sees that a function can be called with a model and these arguments.

    Raises:
        ExperimentError: it can't; the message names the argument, and the one that was meant.
    """
    if isinstance(function, type | BuiltinFunctionType):
        return
    try:
        signature = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):  # some of C have none
        return
    try:
        signature.bind(None, **arguments)
    except TypeError as error:
        raise ExperimentError(_unknown(function, signature, arguments) or _not_so(function, arguments, error)) from None


def _unknown(function: Callable[..., Any], signature: inspect.Signature, arguments: Mapping[str, Any]) -> str | None:
    """What to say of the first argument that a function doesn't have, if there is one."""
    kinds = [(name, parameter.kind) for name, parameter in signature.parameters.items()]
    unknown = [name for name in arguments if name not in signature.parameters]
    if not unknown or any(kind is _KIND.VAR_KEYWORD for _, kind in kinds):
        return None
    after_the_model = kinds[1:] if kinds and kinds[0][1] is _KIND.POSITIONAL_OR_KEYWORD else kinds
    names = [name for name, kind in after_the_model if kind in _BY_NAME]
    close = difflib.get_close_matches(unknown[0], names, n=1)
    others = f"beside the model it takes {', '.join(map(repr, names)) or 'nothing'}"
    hint = f"did you mean {close[0]!r}?" if close else others
    return f"{_name(function)} takes no argument {unknown[0]!r}; {hint}"


def _not_so(function: Callable[..., Any], arguments: Mapping[str, Any], error: TypeError) -> str:
    given = f" and {', '.join(map(repr, arguments))}" if arguments else ""
    return f"{_name(function)} can't be called with a model{given}: {error}"
