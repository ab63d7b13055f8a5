"""What decisions about a space change in its models without a trace in their graphs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import is_lazy

from retiarii.domain import Symbol, symbols_in
from retiarii.graph.tensors import describe_tensor
from retiarii.nn import InputChoice, LayerChoice
from retiarii.space import ModelSpace
from retiarii.space.defaults import undecided_attributes

_OURS = ("retiarii.", "torch.")
_ALTERED = ("torch.nn.utils.",)


def hidden_labels(space: ModelSpace) -> frozenset[str]:
    """The labels of which graphs may not show all that they decide.

    They are those that attributes of users' modules depend on; those of layers to choose from that are users' own, or
    start or train otherwise; and those of inputs to choose from in a users' forward, who may have made them under
    `torch.no_grad`. The modules of torch and our own show all that they are.
    """
    root = space.rewritten()
    symbols = [*_held(root)]
    for module in root.modules():
        if isinstance(module, LayerChoice) and _may_look_alike([*module]):
            symbols += symbols_in(module.symbol)
        if not _is_known(module):
            inputs = [child for child in module.children() if isinstance(child, InputChoice)]
            symbols += [symbol for child in inputs for symbol in symbols_in(child.symbol)]
    return frozenset([symbol.label for symbol in symbols])


def _held(root: nn.Module) -> Iterator[Symbol]:
    for path, name in undecided_attributes(root):
        module = root.get_submodule(path)
        if not type(module).__module__.startswith("retiarii."):
            yield from symbols_in(vars(module)[name])


def _is_known(module: nn.Module) -> bool:
    """Whether a module of a class of torch or our own is as it was made."""
    home = type(module).__module__
    is_hooked = module._forward_hooks or module._forward_pre_hooks
    return (
        home.startswith(_OURS)
        and not home.startswith(_ALTERED)
        and (isinstance(module, LazyModuleMixin) or not is_hooked)
    )


def _may_look_alike(candidates: list[nn.Module]) -> bool:
    """Whether some of the candidates may differ in what a graph does not show."""
    if not all(_is_known(module) for candidate in candidates for module in candidate.modules()):
        return True
    starts: dict[str, set[str]] = {}
    for candidate in candidates:
        if not any(map(is_lazy, candidate.parameters())):
            start = _start(candidate)
            starts.setdefault(repr([shape for shape, *_ in start]), set()).add(repr(start))
    return any(len(different) > 1 for different in starts.values())


def _start(module: nn.Module) -> list[tuple[Any, ...]]:
    """For each parameter its shape, the one number that it holds (None if there are several), and if it is trained."""
    found = [
        (tuple(tensor.shape), describe_tensor(tensor).values.get("fill"), tensor.requires_grad)
        for tensor in module.parameters()
    ]
    return sorted(found, key=repr)
