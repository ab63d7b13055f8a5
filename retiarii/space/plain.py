"""Classes of frozen models: the user's own code, without the base class that made it a space."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from torch import nn

_SKIPPED = frozenset(
    {
        *("__dict__", "__weakref__", "__module__", "__qualname__", "__doc__", "__classcell__"),
        *("__abstractmethods__", "_abc_impl"),
    }
)
_known: dict[tuple[Any, Any], type[nn.Module]] = {}


def plain_class(cls: type[nn.Module], space: type[nn.Module]) -> type[nn.Module]:
    """A twin of `cls` that derives from `nn.Module` where `cls` derives from `space`; the same for the same."""
    if cls is space:
        return nn.Module
    known = _known.get((cls, space))
    if known is None:
        known = _known.setdefault((cls, space), _twin(cls, space))
    return known


def _twin(cls: type[nn.Module], space: type[nn.Module]) -> type[nn.Module]:
    bases = tuple(
        [plain_class(base, space) if issubclass(base, space) or _is_ours(base) else base for base in cls.__bases__]
    )
    cell = types.CellType()
    members: dict[str, Any] = {"__module__": _home(cls), "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    for name, value in vars(cls).items():
        if name not in _SKIPPED:
            members[name] = _rebound(value, cls, cell)
    members["__reduce__"] = _reduce(cls, space)
    twin: type[nn.Module] = type(cls.__name__, bases, members)
    cell.cell_contents = twin
    return twin


def _home(cls: type) -> str:
    """Where a twin says that it comes from: classes of the choices themselves are no part of anybody's model."""
    return "generated" if _is_ours(cls) else cls.__module__


def _is_ours(cls: type) -> bool:
    return cls.__module__.startswith("retiarii.nn.")


def _rebound(value: Any, cls: type, cell: types.CellType) -> Any:
    """A member of a class, with `super()` in it meaning the twin class."""
    if isinstance(value, classmethod | staticmethod):
        return type(value)(_rebound(value.__func__, cls, cell))
    if isinstance(value, property):
        get, put, delete = [_rebound(part, cls, cell) for part in (value.fget, value.fset, value.fdel)]
        return property(get, put, delete, value.__doc__)
    if not isinstance(value, types.FunctionType) or value.__closure__ is None:
        return value
    closure = tuple([_rebound_cell(old, cls, cell) for old in value.__closure__])
    if closure == value.__closure__:
        return value
    twin = types.FunctionType(value.__code__, value.__globals__, value.__name__, value.__defaults__, closure)
    twin.__kwdefaults__, twin.__doc__, twin.__qualname__ = value.__kwdefaults__, value.__doc__, value.__qualname__
    twin.__dict__.update(value.__dict__)
    return twin


def _rebound_cell(old: types.CellType, cls: type, cell: types.CellType) -> types.CellType:
    """A cell that holds the class becomes `cell`; one that holds a function, such as a decorated one, follows suit."""
    try:
        content = old.cell_contents
    except ValueError:
        return old
    if content is cls:
        return cell
    if not isinstance(content, types.FunctionType) or not _is_member(content, cls):
        return old
    rebound = _rebound(content, cls, cell)
    return old if rebound is content else types.CellType(rebound)


def _is_member(function: types.FunctionType, cls: type) -> bool:
    return function.__qualname__.startswith(f"{cls.__qualname__}.")


def _reduce(cls: type[nn.Module], space: type[nn.Module]) -> Callable[[Any], Any]:
    return lambda self: (revive, (cls, space), self.__getstate__())


def revive(cls: type[nn.Module], space: type[nn.Module]) -> nn.Module:
    """An empty instance of a twin class, for unpickling."""
    twin = plain_class(cls, space)
    return twin.__new__(twin)
