"""What decisions about a space change in its models without a trace in their graphs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import is_lazy

from retiarii.domain import Symbol, symbols_in
from retiarii.graph.tensors import describe_tensor
from retiarii.nn import Cell, InputChoice, LayerChoice, NasBench101Cell, NasBench201Cell
from retiarii.space import ModelSpace
from retiarii.space.defaults import undecided_attributes

_OURS = ("retiarii.", "torch.")
_ALTERED = ("torch.nn.utils.",)
_CELLS = (Cell, NasBench101Cell, NasBench201Cell)


def hidden_labels(space: ModelSpace) -> frozenset[str]:
    """The labels of which graphs may not show all that they decide.

    They are those that attributes of users' modules depend on; those of layers to choose from that are users' own, or
    have weights of equal shapes, which may start or train otherwise; and those of inputs to choose from in a user's
    forward, who may have made them under `torch.no_grad`. The modules of torch and our own show all that they are.
    """
    root = space.rewritten()
    symbols = [*_held(root), *_started_otherwise(root)]
    for path, module in root.named_modules():
        if isinstance(module, LayerChoice) and _may_look_alike([*module], is_in_cell=_is_in_cell(root, path)):
            symbols += symbols_in(module.symbol)
        if not _is_known(module):
            inputs = [child for child in module.children() if isinstance(child, InputChoice)]
            symbols += [symbol for child in inputs for symbol in symbols_in(child.symbol)]
    return frozenset([symbol.label for symbol in symbols])


def _is_in_cell(root: nn.Module, path: str) -> bool:
    """Whether a module is part of one of our cells or of a space of the hub, whose candidates start by chance."""
    parts = path.split(".")
    above = [root.get_submodule(".".join(parts[:length])) for length in range(len(parts))]
    return any(isinstance(module, _CELLS) or type(module).__module__.startswith("retiarii.hub.") for module in above)


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


def _may_look_alike(candidates: list[nn.Module], *, is_in_cell: bool) -> bool:
    """Whether some of the candidates may differ in what a graph does not show."""
    unknown = [candidate for candidate in candidates if not all(map(_is_known, candidate.modules()))]
    if unknown and (not is_in_cell or len({*map(_leaves, unknown)}) < len(unknown)):
        return True
    if is_in_cell:
        return False
    # Outside of cells equal layers are there because their weights are not, as of a network trained before.
    equal = [_leaves(candidate) for candidate in candidates if any(True for _ in candidate.parameters())]
    return len({*equal}) < len(equal)


def _started_otherwise(root: nn.Module) -> Iterator[Symbol]:
    """The symbols of all choices among layers that, wherever they stand, start or train otherwise than equal ones."""
    starts: dict[str, set[str]] = {}
    choices: dict[str, list[LayerChoice]] = {}
    for choice in [module for module in root.modules() if isinstance(module, LayerChoice)]:
        for candidate in choice:
            made_of = _leaves(candidate)
            starts.setdefault(made_of, set()).add(repr(_start(candidate)))
            choices.setdefault(made_of, []).append(choice)
    for made_of, different in starts.items():
        if len(different) > 1:
            yield from [symbol for choice in choices[made_of] for symbol in symbols_in(choice.symbol)]


def _leaves(module: nn.Module) -> str:
    """What a module is made of."""
    return repr(sorted([repr(part) for part in module.modules() if not any(True for _ in part.children())]))


def _start(module: nn.Module) -> list[tuple[Any, ...]]:
    """For each parameter its shape, the one number that it holds (None if there are several), and if it is trained.

    In an order that does not depend on names; nothing where shapes are not known yet.
    """
    if any(map(is_lazy, module.parameters())):
        return []
    found = [
        (tuple(tensor.shape), describe_tensor(tensor).values.get("fill"), tensor.requires_grad)
        for tensor in module.parameters()
    ]
    return sorted(found, key=repr)
