"""What of torch is replaced while a forward is traced; other threads find it as it was, and all is put back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MethodType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.autograd import function as autograd
from torch.autograd.function import Function
from torch.fx import _symbolic_trace
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack

from retiarii.errors import TraceError
from retiarii.graph.choose import current_tracer
from retiarii.graph.factories import NAMES
from retiarii.graph.names import stand_in
from retiarii.graph.turns import Call, at_once, puts_back

if TYPE_CHECKING:
    from retiarii.graph.tracer import GraphTracer

module_attribute = nn.Module.__getattr__
_module_call = nn.Module.__call__
_apply: Any = Function.__dict__["apply"].__func__


def apply_of(cls: type[Function]) -> Any:
    """`cls.apply` as it is outside tracing."""
    return MethodType(_apply, cls)


def module_methods() -> list[Call]:
    """The calls that give `nn.Module` back what it has now; torch.fx makes them itself, unless it is interrupted."""
    return [puts_back(nn.Module, "__call__"), puts_back(nn.Module, "__getattr__")]


def others() -> list[Call]:
    """The calls that give torch back all else that tracing replaces."""
    traced = [name for name in ("_is_fx_tracing_flag", "CURRENT_PATCHER") if name in vars(_symbolic_trace)]
    return [
        *[puts_back(_symbolic_trace, name) for name in traced],
        puts_back(Function, "apply"),
        puts_back(autograd, "_is_setup_context_defined"),
        *[puts_back(torch, name) for name in NAMES],
    ]


def restore_modes(modes: Sequence[TorchFunctionMode]) -> None:
    """Let this thread have these modes, from the outermost on; an interrupted call may have left others, or fewer."""
    if _get_current_function_mode_stack() == modes:  # type: ignore[no-untyped-call]
        return
    while torch._C._len_torch_function_stack():
        torch._C._pop_torch_function_stack()
    for mode in modes:
        torch._C._push_on_torch_function_stack(mode)


def intercept(tracer: GraphTracer, root: nn.Module) -> Callable[[], object]:
    """Show a tracer the modules that its thread calls, their attributes, and the custom autograd functions.

    Also, `training` of a module that is not torch's own is no plain attribute, so that its use is seen.

    Returns:
        What makes it one again; the tracer undoes the rest.
    """
    flags = training_flags(root)
    _intercept_modules(tracer, {id(module): flag for module, flag in flags})
    _intercept_functions(tracer)
    for module, _ in flags:
        module.__dict__.pop("training", None)
    return at_once([(module.__dict__.__setitem__, "training", flag) for module, flag in flags])


def _intercept_modules(tracer: GraphTracer, flags: Mapping[int, bool]) -> None:
    """The flags are what `training` is to other threads, by the identity of modules that hide it."""

    def get(module: nn.Module, name: str) -> Any:
        if current_tracer() is tracer:
            return tracer.module_attribute(module, name)
        return flags[id(module)] if name == "training" and id(module) in flags else module_attribute(module, name)

    def run(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        if current_tracer() is not tracer:
            return _module_call(module, *args, **kwargs)
        return tracer.call_module(module, MethodType(_module_call, module), args, kwargs)

    setattr(nn.Module, "__getattr__", get)  # noqa: B010  mypy takes methods for constants
    setattr(nn.Module, "__call__", run)  # noqa: B010


def _intercept_functions(tracer: GraphTracer) -> None:
    is_new_style = autograd._is_setup_context_defined
    known: list[type[Function]] = []

    def original(cls: type[Function], *args: Any, **kwargs: Any) -> Any:
        known.append(cls)
        try:
            return _apply(cls, *args, **kwargs)
        finally:
            known.pop()

    def call(cls: type[Function], *args: Any, **kwargs: Any) -> Any:
        if current_tracer() is not tracer:
            return _apply(cls, *args, **kwargs)
        return tracer.custom_function(cls, original, args, kwargs)

    def check(setup_context: Any) -> Any:
        if not known and current_tracer() is tracer:
            raise TraceError("it calls a custom autograd function by another name than Class.apply")
        return is_new_style(setup_context)  # type: ignore[no-untyped-call]

    setattr(Function, "apply", classmethod(stand_in(call, _apply)))  # noqa: B010
    setattr(autograd, "_is_setup_context_defined", check)  # noqa: B010


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


def training_flags(root: nn.Module) -> list[tuple[nn.Module, bool]]:
    """The modules that are not torch's own, and their flags `training`."""
    own = [module for module in root.modules() if not type(module).__module__.startswith("torch.nn.modules")]
    return [(module, module.__dict__.get("training", True)) for module in own]
