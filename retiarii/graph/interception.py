"""What of torch is replaced while a forward is traced, and put back whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any

from torch import nn
from torch.autograd import function as autograd
from torch.autograd.function import Function

from retiarii.errors import TraceError

module_attribute = nn.Module.__getattr__
_apply: Any = Function.__dict__["apply"].__func__


def apply_of(cls: type[Function]) -> Any:
    """`cls.apply` as it is outside tracing."""
    return MethodType(_apply, cls)


@contextmanager
def intercepted(attribute: Callable[[nn.Module, str], Any], custom: Callable[..., Any]) -> Iterator[None]:
    """While it lasts, tracing sees the attributes that modules give and the custom autograd functions that are called.

    Args:
        attribute: takes a module and a name, in place of `nn.Module.__getattr__`.
        custom: takes a class of functions, the original `apply`, and its arguments, in place of `Function.apply`.
    """
    before = nn.Module.__getattr__
    is_new_style = autograd._is_setup_context_defined
    known: list[type[Function]] = []

    def get(module: nn.Module, name: str) -> Any:
        return attribute(module, name)

    def original(cls: type[Function], *args: Any, **kwargs: Any) -> Any:
        known.append(cls)
        try:
            return _apply(cls, *args, **kwargs)
        finally:
            known.pop()

    def call(cls: type[Function], *args: Any, **kwargs: Any) -> Any:
        return custom(cls, original, args, kwargs)

    def check(setup_context: Any) -> Any:
        if not known:
            raise TraceError("it calls a custom autograd function by another name than Class.apply")
        return is_new_style(setup_context)  # type: ignore[no-untyped-call]

    setattr(nn.Module, "__getattr__", get)  # noqa: B010  mypy takes methods for constants
    setattr(Function, "apply", classmethod(call))  # noqa: B010
    setattr(autograd, "_is_setup_context_defined", check)  # noqa: B010
    try:
        yield
    finally:
        setattr(autograd, "_is_setup_context_defined", is_new_style)  # noqa: B010
        setattr(Function, "apply", classmethod(_apply))  # noqa: B010
        setattr(nn.Module, "__getattr__", before)  # noqa: B010


def apply_by_class(module: nn.Module) -> None:
    """Let a module that keeps `Class.apply` of a custom autograd function look it up anew, so that tracing sees it."""
    for name, value in list(vars(module).items()):
        by_class = looked_up(value)
        if by_class is not None:
            module.__dict__[name] = by_class


def looked_up(value: Any) -> Any:
    """`Class.apply` of a custom autograd function as tracing sees it, for one that was kept before; None otherwise."""
    owner: Any = value.__self__ if type(value) is MethodType and value.__func__ is _apply else None
    return None if owner is None else owner.apply


@contextmanager
def training_hidden(root: nn.Module) -> Iterator[None]:
    """While it lasts, `training` of a module that is not torch's own is no plain attribute, so that its use is seen."""
    hidden = [module for module in root.modules() if not type(module).__module__.startswith("torch.nn.modules")]
    flags = [(module, module.__dict__.pop("training", True)) for module in hidden]
    try:
        yield
    finally:
        for module, flag in flags:
            module.__dict__["training"] = flag
