"""The defaults of functions."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any

from retiarii.graph.names import resolve
from retiarii.graph.values import Argument


def given_keywords(path: str, kwargs: Mapping[str, Argument]) -> Mapping[str, Argument]:
    """The keyword arguments that differ from the function's defaults."""
    if not path.startswith("torch.nn.functional."):
        return kwargs
    defaults = function_defaults(path)
    return {
        key: value
        for key, value in kwargs.items()
        if not (key in defaults and type(value) is type(defaults[key]) and value == defaults[key])
    }


@functools.cache
def function_defaults(path: str) -> Mapping[str, Any]:
    """The defaults of a Python function, by parameter; nothing for one that is written in C."""
    function = resolve(path)
    if inspect.isfunction(function):
        # torch hides a choice between two functions, which differ in what they return alone, behind `*args`.
        function = inspect.getclosurevars(function).nonlocals.get("if_false", function)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return {}
    return {parameter.name: parameter.default for parameter in parameters if parameter.default is not parameter.empty}
