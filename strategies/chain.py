"""A strategy with middleware round it."""

from __future__ import annotations

from retiarii.errors import ExperimentError
from retiarii.strategies.middleware import Middleware
from retiarii.strategy import Strategy


class Chain(Middleware):
    """A strategy and what is put round it, from the inside to the outside::

        Chain(TPE(), Filter(flops <= 3e8), FirstSamples([known]), GiveUp(failures=5))

    Args:
        strategy: The innermost, which searches.
        *middleware: What it is wrapped in, one after another.

    Raises:
        ExperimentError: one of them is no strategy, or no middleware.
    """

    strategy: Strategy
    middleware: tuple[Middleware, ...]

    def __init__(self, strategy: Strategy, *middleware: Middleware) -> None:
        if isinstance(strategy, Chain):
            middleware = (*strategy.middleware, *middleware)
            strategy = strategy.strategy
        if not isinstance(strategy, Strategy) or isinstance(strategy, Middleware):
            raise ExperimentError(f"Chain got {strategy!r} as its strategy; give one first, such as Random()")
        for number, layer in enumerate(middleware, 1):
            if not isinstance(layer, Middleware) or isinstance(layer, Chain):
                raise ExperimentError(f"Chain got {layer!r} as middleware {number}; give Filter(...) or the like")
        self.strategy = strategy
        self.middleware = middleware
        wrapped = strategy
        for layer in middleware:
            wrapped = layer.around(wrapped)
        self.inner = wrapped
        self.repeats = wrapped.repeats
