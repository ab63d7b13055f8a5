"""A space as an ordinary model: what is undecided has its default."""

from __future__ import annotations

from types import TracebackType
from typing import Any, cast

from torch import nn

from retiarii.domain.nested import contains_expression, evaluate_nested, symbols_in
from retiarii.nn.choice import ChoiceModule
from retiarii.nn.parameter import ShapedParameter

_OURS = ("answers", "choice_arguments", "narrow_layers")
Place = tuple[str, str]
"""The dotted path of a module, and the name of an attribute of it."""


def undecided_attributes(space: nn.Module) -> tuple[Place, ...]:
    """The attributes of modules that are undecided values, or hold some."""
    return tuple(
        [
            (path, name)
            for path, module in space.named_modules()
            for name, value in vars(module).items()
            if is_users(module, name) and contains_expression(value)
        ]
    )


def shaped_parameters(space: nn.Module) -> tuple[Place, ...]:
    """The parameters of modules whose shapes are undecided."""
    return tuple(
        [
            (path, name)
            for path, module in space.named_modules()
            for name, parameter in module._parameters.items()
            if isinstance(parameter, ShapedParameter)
        ]
    )


def is_users(module: nn.Module, name: str) -> bool:
    """Whether an attribute is the user's own, and neither torch's nor what a choice is made of."""
    if name.startswith("_") or name in _OURS:
        return False
    return not (isinstance(module, ChoiceModule) and name in ("activity", "depth", "symbol"))


def is_open(thing: Any) -> bool:
    """Whether a thing is a module that a sample decides."""
    return isinstance(thing, ChoiceModule) or (isinstance(thing, nn.Module) and "choice_arguments" in vars(thing))


class Defaults:
    """While it lasts, attributes that are undecided have their default values, and parameters their default shapes.

    Args:
        space: the module that holds them.
        attributes: which ones.
        parameters: which parameters.
    """

    def __init__(self, space: nn.Module, attributes: tuple[Place, ...], parameters: tuple[Place, ...]) -> None:
        self._attributes = [(space.get_submodule(path).__dict__, name) for path, name in attributes]
        self._undecided = [attributes[name] for attributes, name in self._attributes]
        self._parameters = [(space.get_submodule(path), name) for path, name in parameters]

    def __enter__(self) -> None:
        for (attributes, name), value in zip(self._attributes, self._undecided, strict=True):
            attributes[name] = _by_default(value)
        for module, name in self._parameters:
            parameter = module._parameters[name]
            if isinstance(parameter, ShapedParameter):
                module.__dict__[name] = parameter.part(_by_default(parameter.choice_shape))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for (attributes, name), value in zip(self._attributes, self._undecided, strict=True):
            attributes[name] = value
        for module, name in self._parameters:
            module.__dict__.pop(name, None)


def _by_default(value: Any) -> Any:
    defaults = {symbol.label: cast("Any", symbol).default for symbol in symbols_in(value)}
    return evaluate_nested(value, defaults)
