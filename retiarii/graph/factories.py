"""Tensors made in a forward out of nothing: the call is recorded, not the tensor it made while tracing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import fx
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

if TYPE_CHECKING:
    from retiarii.graph.tracer import GraphTracer

NAMES = (
    *("arange", "empty", "eye", "full", "linspace", "logspace", "ones", "rand", "randint", "randn", "randperm"),
    *("range", "tensor", "zeros", "as_tensor", "hann_window", "hamming_window", "tril_indices", "triu_indices"),
)
FACTORIES = {getattr(torch, name) for name in NAMES}


class FactoryMode(TorchFunctionMode):
    """Records calls of the functions that make tensors."""

    def __init__(self, tracer: GraphTracer) -> None:
        super().__init__()
        self.tracer = tracer

    def __enter__(self) -> FactoryMode:
        for name in NAMES:
            setattr(torch, name, self._recorded(getattr(torch, name)))
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *exception: Any) -> None:
        super().__exit__(*exception)  # type: ignore[no-untyped-call]
        for function in FACTORIES:
            setattr(torch, function.__name__, function)

    def _recorded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Sizes that are not known would be refused before torch asks anyone, so the name itself is replaced."""

        def call(*args: Any, **kwargs: Any) -> Any:
            if any(isinstance(leaf, fx.Proxy) for leaf in pytree.tree_leaves((args, kwargs))):
                return self.tracer.create_proxy("call_function", function, args, kwargs)
            return function(*args, **kwargs)

        return call

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in FACTORIES:
            return self.tracer.create_proxy("call_function", func, args, kwargs or {})
        return func(*args, **(kwargs or {}))
