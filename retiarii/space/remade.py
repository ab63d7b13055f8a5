"""Making a space anew, from what it was first made of."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from torch import nn

from retiarii.errors import SpaceError
from retiarii.graph.turns import TURN
from retiarii.nn.left_out import LeftOut, building_for
from retiarii.space.lazy import was_lazy


def remade(space: nn.Module, sample: Mapping[str, Any]) -> nn.Module:
    """The space made anew, so that its weights are fresh; candidates that the sample does not take may be missing.

    Raises:
        SpaceError: it is not the same any more.
    """
    cls, args, kwargs = space.__dict__["_space_made_by"]
    try:
        with TURN:
            given = copy.deepcopy((args, kwargs))
    except TypeError as error:
        raise SpaceError(
            f"{cls.__name__} was made with an argument that can't be copied ({error}), so it can't be made anew with "
            "fresh weights; give it another argument, or use freeze(..., inherit_weights=True)"
        ) from error
    try:
        with building_for(sample):
            made: nn.Module = cls(*given[0], **given[1])
    except Exception as error:
        error.add_note(
            f"{cls.__name__} is made anew, for fresh weights, from the arguments that it was first made with"
        )
        raise
    with TURN:
        different = _difference(made, space)
    if different is not None:
        raise SpaceError(
            f"{cls.__name__} was changed after it was made, or its __init__ makes something else each time: see "
            f"{different!r}; make it whole in __init__, or use freeze(..., inherit_weights=True)"
        )
    return made.train(space.training)


def _difference(made: nn.Module, space: nn.Module) -> str | None:
    """The path or label of something that the two spaces do not have in common."""
    every = made.named_modules(remove_duplicate=False)
    missing = {path for path, module in every if isinstance(module, LeftOut)}
    before, now = _parts(made, missing), _parts(space, missing)
    choices, others = made.__dict__["_space_domain"].choices, space.__dict__["_space_domain"].choices
    labels = choices if missing else {**choices, **others}
    before |= {(label, repr(choices.get(label))) for label in labels}
    now |= {(label, repr(others.get(label))) for label in labels}
    return min([path for path, _ in before ^ now], default=None)


def _parts(space: nn.Module, missing: set[str]) -> set[tuple[str, str]]:
    """The path and make of each submodule that is neither missing nor inside a missing one."""
    inside: set[str] = set()
    parts = set()
    for path, module in space.named_modules(remove_duplicate=False):
        if path in missing or path.rpartition(".")[0] in inside:
            inside.add(path)
        else:
            parts.add((path, _make(module)))
    return parts


def _make(module: nn.Module) -> str:
    """The class of a module, and of torch's own layers the arguments too; a lazy one may have become another."""
    name = type(module).__name__
    is_known = type(module).__module__.startswith("torch.nn.") and not was_lazy(module)
    return f"{name}({module.extra_repr()})" if is_known else name.removeprefix("Lazy")
