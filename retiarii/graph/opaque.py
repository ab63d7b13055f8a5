"""Modules that stay as they were written, as data."""

from __future__ import annotations

import weakref
from dataclasses import replace

from torch import nn

from retiarii.graph.anatomy import Anatomy, is_choice
from retiarii.graph.layers import describe_layer
from retiarii.graph.recovery import constructor_arguments
from retiarii.graph.spec import ChoiceSpec, OpaqueSpec, Spec

ORIGINAL = "original"
"""Under this key a description remembers the module it is of, while that lives and the process lasts."""


def describe_module(module: nn.Module, *, reason: str = "") -> Spec:
    """The description of any module: a layer by its arguments; any other by what it holds, and by its arguments too
    where they can be found out.

    Args:
        module: any module. Its constructor may be called, to try out arguments.
        reason: why it could not be traced.
    """
    return _Describer().described(module, reason)


class _Describer:
    """Describes modules within modules, each once at a time."""

    def __init__(self) -> None:
        self._open: set[int] = set()

    def described(self, module: nn.Module, reason: str = "") -> Spec:
        layer = describe_layer(module)
        if layer is not None:
            return layer
        if is_choice(module):
            choice: ChoiceSpec = module.__choice_spec__(self.described)  # type: ignore[operator]
            return choice
        if id(module) in self._open:
            raise LookupError("a module that holds itself")
        self._open.add(id(module))
        try:
            anatomy = Anatomy(module, self.described)
            return self._recovered(module, anatomy, anatomy.spec, reason)
        finally:
            self._open.discard(id(module))

    def _recovered(self, module: nn.Module, anatomy: Anatomy, spec: OpaqueSpec, reason: str = "") -> OpaqueSpec:
        """The description with constructor arguments, its own or those of its submodules."""
        known = {ORIGINAL: weakref.ref(module)}
        arguments = constructor_arguments(module, anatomy, self.described)
        if arguments is not None:
            return replace(spec, arguments=arguments, reason=reason, cache=known)
        children = dict(spec.children)
        for name, child in spec.children.items():
            below = module._modules[name]
            if isinstance(child, OpaqueSpec) and below is not None:
                children[name] = self._recovered(below, Anatomy(below, self.described), child)
        return replace(spec, children=children, reason=reason, cache=known)
