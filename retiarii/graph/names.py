"""Import paths of Python objects, both ways."""

from __future__ import annotations

import functools
import importlib
import sys
import types
from typing import Any

from retiarii.errors import BuildError
from retiarii.graph.turns import TURN

_HOMES = ("torch", "torch.nn", "torch.nn.functional", "operator", "math", "torch.special", "torch.fft", "torch.linalg")


_TORCH_FUNCTIONS = "_VariableFunctionsClass."
_FUNCTIONS = types.FunctionType | types.MethodType


@functools.cache
def usual_paths() -> dict[int, str]:
    """The usual paths of what torch and the standard library offer, by identity: these objects live for ever."""
    with TURN:
        offered = [(home, vars(importlib.import_module(home)).copy()) for home in _HOMES]
    paths: dict[int, str] = {}
    for home, things in offered:
        for name, thing in things.items():
            if callable(thing) and (name[0] != "_" or isinstance(thing, types.BuiltinFunctionType)):
                paths.setdefault(id(thing), f"{home}.{name}")
    return paths


def stand_in(function: Any, original: Any) -> Any:
    """Mark a function that is in the place of another one while a thread traces; paths are those of the original."""
    function.stands_for = original
    return function


def _original(thing: Any) -> Any:
    original = getattr(thing, "stands_for", None) if isinstance(thing, _FUNCTIONS) else None
    if original is None:
        return thing
    return types.MethodType(original, thing.__self__) if isinstance(thing, types.MethodType) else original


def import_path(thing: Any) -> str:
    """The shortest usual import path of a class or function, such as `torch.nn.Conv2d` or `operator.add`.

    Raises:
        LookupError: it can't be imported by any path: a lambda, or something defined inside a function.
    """
    thing = _original(thing)
    usual = usual_paths().get(id(thing))
    if usual is not None:
        return usual
    name = getattr(thing, "__qualname__", None)
    if isinstance(thing, types.BuiltinFunctionType) and name and name.startswith(_TORCH_FUNCTIONS):
        return f"torch.{name.removeprefix(_TORCH_FUNCTIONS)}"
    module = getattr(thing, "__module__", None)
    if not name or not module or "<" in name:
        raise LookupError(f"{thing!r} can't be imported by a path")
    owner = getattr(thing, "__self__", None)
    if isinstance(owner, type):
        return f"{owner.__module__}.{owner.__qualname__}.{thing.__name__}"
    return f"{module}.{name}"


@functools.lru_cache(maxsize=4096)
def resolve(path: str) -> Any:
    """The object of an import path.

    Raises:
        BuildError: there is none, or the path goes through a module that another one only imports, as in
            "package.os.system".
    """
    parts = path.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        module = sys.modules.get(".".join(parts[:cut])) or _try_import(".".join(parts[:cut]))
        if module is not None:
            return _inside(module, parts[cut:], path)
    raise BuildError(f"there is nothing to import as {path!r}; is the package that defines it installed?")


def _inside(module: Any, names: list[str], path: str) -> Any:
    found = module
    for name in names:
        found = getattr(found, name, _NOTHING)
        if found is _NOTHING:
            raise BuildError(f"there is nothing to import as {path!r}; is the package that defines it installed?")
        if isinstance(found, types.ModuleType):
            raise BuildError(f"{path!r} goes through the module {found.__name__!r}, which is not where that is defined")
    return _original(found)


_NOTHING: Any = object()


def _try_import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            return None
        raise
