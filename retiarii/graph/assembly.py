"""How an opaque module whose constructor arguments are not known is put together: the same in memory and as code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from retiarii.errors import BuildError
from retiarii.graph.spec import OpaqueSpec, TensorSpec
from retiarii.graph.values import Argument, Held, leaves

RESTORE = '''def restored(cls, *, attributes=None, tensors=None, children=None, references=None):
    """A module of a class whose constructor arguments are not known, with what the original held.

    A tensor comes with its kind. A reference is a function from the module to a value that has parts of it inside.
    """
    module = object.__new__(cls)
    nn.Module.__init__(module)
    for name, (kind, tensor) in (tensors or {}).items():
        table = module._parameters if kind == "parameter" else module._buffers
        table[name] = tensor
        if kind == "temporary":
            module._non_persistent_buffers_set.add(name)
    module._modules.update(children or {})
    for name, value in (attributes or {}).items():
        object.__setattr__(module, name, value)
    for path, reference in (references or {}).items():
        owner, _, name = path.rpartition(".")
        holder, value = module.get_submodule(owner), reference(module)
        tables = (holder._parameters, holder._buffers, holder._modules)
        table = next((table for table in tables if name in table), None)
        if table is None:
            object.__setattr__(holder, name, value)
        else:
            table[name] = value
    return module


def held(cls, state):
    """An object with these attributes."""
    thing = cls.__new__(cls)
    for name, value in state.items():
        object.__setattr__(thing, name, value)
    return thing'''

_DEFINED: dict[str, Any] = {"nn": nn}
exec(compile(RESTORE, "<restored>", "exec"), _DEFINED)  # noqa: S102  a constant, which generated code contains too
restored: Callable[..., nn.Module] = _DEFINED["restored"]
held: Callable[[type, Mapping[str, Any]], Any] = _DEFINED["held"]


def check_writable(spec: OpaqueSpec) -> None:
    """Raise BuildError where an opaque module holds something that is no data."""
    for name, why in spec.unwritable.items():
        remedy = "define it at the top level of a module, or keep each constructor argument as an attribute of its name"
        what = "its class" if name == "__class__" else f"its attribute {name!r}"
        raise BuildError(f"{spec.cls} can't be made again from a graph: {what} is no data ({why}); {remedy}")


def _is_empty(value: Argument) -> bool:
    return isinstance(value, Held) and value.kind == "empty"


def refers(value: Argument) -> bool:
    """Whether a value that an opaque module holds refers to a part of it."""
    return any(
        isinstance(leaf, Held) and (leaf.kind == "child" or any(refers(part) for part in leaf.parts.values()))
        for leaf in leaves(value)
    )


def references(spec: OpaqueSpec) -> dict[str, Argument]:
    """The attributes that can only be set once all parts of the module are there."""
    return {path: value for path, value in spec.attributes.items() if refers(value)}


def own_attributes(spec: OpaqueSpec) -> dict[str, Argument]:
    """The attributes that stand for themselves."""
    later = references(spec)
    return {name: value for name, value in spec.attributes.items() if name not in later and not _is_empty(value)}


def empty(spec: OpaqueSpec) -> dict[str, str]:
    """The registered names that hold None, and of which kind they are."""
    return {name: value.parts["of"] for name, value in spec.attributes.items() if _is_empty(value)}


def kind_of(spec: TensorSpec) -> str:
    """The kind under which `restored` takes a tensor."""
    return spec.kind if spec.persistent else "temporary"
