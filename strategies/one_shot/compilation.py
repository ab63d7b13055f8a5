"""Compiling a supernet by `torch.compile` while it is trained."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from retiarii.nn.choice import ChoiceModule
from retiarii.nn.compound import Compound
from retiarii.strategies.one_shot.supernet import Supernet

_COMPILED = "_compiled_call_impl"
"""Where `torch.nn.Module` keeps what it runs instead of itself."""
_WARNINGS = (
    r"The \.grad attribute of a Tensor that is not a leaf Tensor is being accessed",  # of the weights of candidates
    r"Dynamo detected a call to a `functools.lru_cache`-wrapped function",  # of what follows from the candidates
)
"""What the compiler says of what is all right here."""
_HOLDERS = (nn.ModuleList, nn.ModuleDict)
"""What is never called itself."""


def mixtures(supernet: Supernet) -> list[nn.Module]:
    """What to compile where all candidates count in each step: the supernet as one, if it can be.

    Layers whose own arguments are weighed put parts of their weights together in too many ways; then it is the largest
    modules without them.
    """
    weighed = {id(site.module) for site in supernet.sites if not isinstance(site.module, ChoiceModule | Compound)}
    return list(_without(supernet.space, weighed)) if weighed else [supernet.space]


def parts(supernet: Supernet) -> list[nn.Module]:
    """What to compile where each step takes another path: the largest modules that nothing is decided in."""
    return list(_without(supernet.space, {id(site.module) for site in supernet.sites}))


@contextmanager
def compiled(modules: Iterable[nn.Module], how: bool | Mapping[str, Any]) -> Iterator[None]:
    """Within the block modules run compiled, in place: their parameters and names stay as they are.

    Args:
        modules: Those to compile.
        how: The arguments of `torch.compile`; True for none, False to compile nothing.
    """
    own = [] if how is False else list(modules)
    settings = how if isinstance(how, Mapping) else {}
    for module in own:
        vars(module)[_COMPILED] = torch.compile(_calling(module), **settings)
    try:
        with warnings.catch_warnings():
            for message in _WARNINGS if own else ():
                warnings.filterwarnings("ignore", message)
            yield
    finally:
        for module in own:
            vars(module).pop(_COMPILED, None)


def _calling(module: nn.Module) -> Callable[..., Any]:
    """What a module does when it is called; `Module.compile` passes over those of torch's own classes."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return module._call_impl(*args, **kwargs)  # type: ignore[no-untyped-call]

    call.__code__ = call.__code__.replace()  # the compilations of one code are limited
    return call


def _without(module: nn.Module, excluded: set[int]) -> Iterator[nn.Module]:
    """The largest modules with parameters in which none is excluded."""
    for child in module.children():
        if isinstance(child, _HOLDERS) or any(id(part) in excluded for part in child.modules()):
            yield from _without(child, excluded)
        elif any(True for _ in child.parameters()):
            yield child
