"""The layers of `torch.nn` that also take choices for their arguments."""

from __future__ import annotations

import functools
from abc import ABCMeta
from collections.abc import Callable, Mapping
from typing import Any, cast

from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin

from retiarii.domain.expression import Expression, lift
from retiarii.domain.nested import contains_expression, evaluate_nested, symbols_in
from retiarii.errors import SpaceError
from retiarii.graph.layers import as_data, constructor_parameters
from retiarii.graph.spec import LayerSpec
from retiarii.nn.answer import answer_of
from retiarii.nn.narrow import NarrowLayer

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)
_LONGEST = 60


class Derived(ABCMeta):
    """The class of users' classes that derive from layers: what they can't do with a choice is said in their terms."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        except (TypeError, ValueError) as error:
            labels = [symbol.label for symbol in symbols_in((args, kwargs))]
            if not labels:
                raise
            raise SpaceError(
                f"{cls.__name__}, which is derived from a layer, can't be made with the undecided {', '.join(labels)} "
                f"({error}): use the layer itself, or a LayerChoice between several {cls.__name__}"
            ) from error


class ValueAware(Derived):
    """The class of `retiarii.nn`'s layers: called without a choice they make a plain layer of `torch.nn`.

    A class that a user derives from one derives from the layer of `torch.nn`.
    """

    __wraps__: type[nn.Module]

    def __new__(mcs, name: str, bases: tuple[type, ...], members: dict[str, Any]) -> Any:
        if "__wraps__" in members:
            return super().__new__(mcs, name, bases, members)
        plain = tuple([base.__wraps__ if isinstance(base, ValueAware) else base for base in bases])
        return Derived(name, plain, members)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if not contains_expression((args, kwargs)):
            return cls.__wraps__(*args, **kwargs)
        return type.__call__(cls, *args, **kwargs)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, cls.__wraps__)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.__wraps__)


def layer_class(wrapped: type[nn.Module]) -> type[nn.Module]:
    """The layer of `torch.nn`, made to take choices; a class without arguments or out of use is given as it is."""
    if wrapped is nn.Module or issubclass(wrapped, _CONTAINERS) or not _parameters(wrapped):
        return wrapped
    if hasattr(wrapped, "__deprecated__"):
        return wrapped
    members: dict[str, Any] = {
        "__init__": _init,
        "forward": _forward(wrapped),
        "run": _run,
        "narrow": _narrow,
        "undecided": _undecided,
        "__wraps__": wrapped,
        "__layer_spec__": _layer_spec,
        "__module__": "retiarii.nn",
        "__qualname__": wrapped.__name__,
        "__doc__": wrapped.__doc__,
    }
    if issubclass(wrapped, LazyModuleMixin):
        members["cls_to_become"] = None  # with its shapes known it still is undecided
    made: type[nn.Module] = ValueAware(wrapped.__name__, (wrapped,), members)
    return made


def _init(self: Any, *args: Any, **kwargs: Any) -> None:
    wrapped = type(self).__wraps__
    arguments = _bound(wrapped, args, kwargs)
    defaults = {symbol.label: cast("Any", symbol).default for symbol in symbols_in(arguments)}
    try:
        wrapped.__init__(self, **evaluate_nested(arguments, defaults))
    except Exception as error:
        shown = ", ".join(f"{name}={_shortened(repr(value))}" for name, value in arguments.items())
        raise SpaceError(
            f"nn.{wrapped.__name__}({shown}) can't be made with its choices at their defaults {defaults}: {error}"
        ) from error
    self.choice_arguments = arguments


def _forward(wrapped: type[nn.Module]) -> Callable[..., Any]:
    """What a layer computes: its own until it has grown, then that of the arguments that are decided."""
    own = wrapped.forward

    @functools.wraps(own)
    def forward(self: Any, *inputs: Any, **named: Any) -> Any:
        grown = self.__dict__.get("narrow_layers")
        if grown is None:
            return own(self, *inputs, **named)
        return answer_of(self, "arguments", grown.arguments).run(self, inputs, named)

    return forward


def _run(self: Any, values: tuple[Any, ...], inputs: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    """What the layer with decided arguments makes of its inputs.

    Args:
        self: a grown layer.
        values: of the arguments that hold choices, in their order.
        inputs: those given by position.
        named: those given by name.
    """
    return self.narrow(values).forward(*inputs, **named)


def _narrow(self: Any, values: tuple[Any, ...]) -> Any:
    """The plain layer with decided arguments, whose tensors are parts of this one's, for one call of its forward.

    Raises:
        SpaceError: no such layer can be made, or a part of it is larger than the whole.
    """
    known = self.narrow_layers.get(values)
    if known is None:
        wrapped = type(self).__wraps__
        known = NarrowLayer(self, wrapped, decided_arguments(self, values))
        self.narrow_layers.keep(values, known)
    return known.layer(self.training)


def _undecided(self: Any) -> Mapping[str, Expression]:
    """The expressions that its own forward asks for; see `Answer`."""
    return {"arguments": open_arguments(self)}


def open_arguments(layer: Any) -> Expression:
    """The arguments of a layer that hold choices, in their order, as one expression."""
    return cast("Expression", lift([value for value in layer.choice_arguments.values() if contains_expression(value)]))


def decided_arguments(layer: Any, values: tuple[Any, ...]) -> dict[str, Any]:
    """All arguments of a layer, given the values of those that hold choices."""
    names = [name for name, value in layer.choice_arguments.items() if contains_expression(value)]
    return {**layer.choice_arguments, **dict(zip(names, values, strict=True))}


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST * 2 // 3]} … {text[-_LONGEST // 4 :]}"


def _layer_spec(self: Any) -> LayerSpec:
    wrapped = type(self).__wraps__
    arguments = {**_parameters(wrapped), **self.choice_arguments}
    arguments.pop("device", None)
    try:
        written = {name: as_data(value) for name, value in arguments.items()}
    except LookupError as error:
        raise SpaceError(f"nn.{wrapped.__name__} can't be part of a graph with what it was given: {error}") from error
    return LayerSpec(f"torch.nn.{wrapped.__name__}", written)


def _bound(wrapped: type[nn.Module], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """A constructor's arguments by name."""
    names = list(_parameters(wrapped))
    if len(args) > len(names):
        raise SpaceError(f"nn.{wrapped.__name__} takes {len(names)} arguments ({', '.join(names)}) and got {len(args)}")
    return {**dict(zip(names, args, strict=False)), **kwargs}


def _parameters(wrapped: type[nn.Module]) -> Mapping[str, Any]:
    return constructor_parameters(cast("Any", wrapped))
