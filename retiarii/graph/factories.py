"""Tensors made in a forward out of nothing: the call is recorded, not the tensor it made while tracing."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import fx
from torch.overrides import TorchFunctionMode, _get_current_function_mode
from torch.utils import _pytree as pytree

from retiarii.graph.choose import current_tracer
from retiarii.graph.names import stand_in

if TYPE_CHECKING:
    from retiarii.graph.tracer import GraphTracer

NAMES = (
    *("arange", "empty", "eye", "full", "linspace", "logspace", "ones", "rand", "randint", "randn", "randperm"),
    *("range", "tensor", "zeros", "as_tensor", "hann_window", "hamming_window", "tril_indices", "triu_indices"),
)
FACTORIES = {getattr(torch, name) for name in NAMES}


class Mode(TorchFunctionMode):
    """A mode that sees calls of torch while a tracer is at work.

    An interrupted call of torch may lay it aside before it ends, and take it up again when it has ended.
    """

    def __init__(self, tracer: Any) -> None:
        super().__init__()
        self.tracer = tracer

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if current_tracer() is not self.tracer:
            return func(*args, **(kwargs or {}))
        return self.seen(func, args, kwargs or {})

    @abstractmethod
    def seen(self, func: Any, args: Any, kwargs: Any) -> Any:
        """What a call gives."""

    def __exit__(self, *exception: Any) -> None:
        if _get_current_function_mode() is self:  # type: ignore[no-untyped-call]
            super().__exit__(*exception)  # type: ignore[no-untyped-call]


class FactoryMode(Mode):
    """Records calls of the functions that make tensors, in this thread; the tracer puts these functions back."""

    tracer: GraphTracer

    def __enter__(self) -> FactoryMode:
        for name in NAMES:
            setattr(torch, name, _recorded(getattr(torch, name)))
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def seen(self, func: Any, args: Any, kwargs: Any) -> Any:
        if func in FACTORIES:
            return self.tracer.create_proxy("call_function", func, args, kwargs)
        return func(*args, **kwargs)


def _recorded(function: Callable[..., Any]) -> Callable[..., Any]:
    """Sizes that are not known would be refused before torch asks anyone, so the name itself is replaced.

    Another thread may keep what stands there, so it asks whose tracing it is.
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        tracer = current_tracer()
        if tracer is not None and any(isinstance(leaf, fx.Proxy) for leaf in pytree.tree_leaves((args, kwargs))):
            return tracer.create_proxy("call_function", function, args, kwargs)
        return function(*args, **kwargs)

    return cast("Callable[..., Any]", stand_in(call, function))
