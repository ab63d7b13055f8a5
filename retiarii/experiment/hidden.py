"""What decisions about a space change in its models without a trace in their graphs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from retiarii.domain import Symbol, symbols_in
from retiarii.graph.tensors import describe_tensor
from retiarii.nn import LayerChoice
from retiarii.space import ModelSpace
from retiarii.space.defaults import undecided_attributes


def hidden_labels(space: ModelSpace) -> frozenset[str]:
    """The labels that attributes of users' modules depend on, and those that decide how weights start.

    The forwards of our own modules show all that their attributes say.
    """
    root = space.rewritten()
    symbols = [*_held(root)]
    for module in root.modules():
        if isinstance(module, LayerChoice) and _start_differently(module):
            symbols += symbols_in(module.symbol)
    return frozenset([symbol.label for symbol in symbols])


def _held(root: nn.Module) -> Iterator[Symbol]:
    for path, name in undecided_attributes(root):
        module = root.get_submodule(path)
        if not type(module).__module__.startswith("retiarii."):
            yield from symbols_in(vars(module)[name])


def _start_differently(choice: LayerChoice) -> bool:
    """Whether candidates with the same parameters start from other constants, or train others of them."""
    starts = [_start(candidate) for candidate in choice]
    return any(one != other and _shapes(one) == _shapes(other) for one, other in combinations(starts, 2))


def _start(module: nn.Module) -> dict[str, tuple[Any, ...]]:
    """For each parameter its shape, the one number that it holds (None if there are several), and if it is trained."""
    return {
        name: (tuple(tensor.shape), describe_tensor(tensor).values.get("fill"), tensor.requires_grad)
        for name, tensor in module.named_parameters()
        if not is_lazy(tensor)
    }


def _shapes(start: dict[str, tuple[Any, ...]]) -> dict[str, Any]:
    return {name: shape for name, (shape, *_) in start.items()}
