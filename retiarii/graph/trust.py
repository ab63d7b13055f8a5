"""What a graph from elsewhere may name: torch's layers and its functions of tensors, and what the reader trusts.

Nothing is imported here. What torch offers is looked up in the modules that `import torch` has loaded, by exact home
and name, so that a path can't lead through one module into another.
"""

from __future__ import annotations

import functools
import math
import operator
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from retiarii.errors import FormatError
from retiarii.graph.chosen import CHOSEN_PATH
from retiarii.graph.jsontext import is_name, shown

_BUILTINS = frozenset(
    thing.__name__
    for thing in (
        abs,
        divmod,
        len,
        max,
        min,
        pow,
        round,
        sum,
        bool,
        complex,
        dict,
        float,
        int,
        list,
        range,
        slice,
        tuple,
    )
)
_MAPPINGS = frozenset({"builtins.dict", "collections.OrderedDict", "collections.Counter"})
_COLLECTIONS = frozenset({"collections.defaultdict", "collections.deque", "numpy.array"})
_CALLING_OPERATORS = frozenset({"attrgetter", "call", "itemgetter", "methodcaller"})
_OPERATORS = frozenset(operator.__all__) - _CALLING_OPERATORS
_TORCH_CLASSES = frozenset({"Size", "device", "finfo", "iinfo"})
_TORCH_VALUES = (torch.dtype, torch.memory_format, torch.layout, torch.qscheme)
_PACKING = frozenset({"pack_padded_sequence", "pack_sequence", "pad_packed_sequence", "pad_sequence", "unpad_sequence"})
_COMPUTING = (torch._C._nn, torch._C._fft, torch._C._linalg, torch._C._special)  # type: ignore[attr-defined]
_WRITTEN_IN_PYTHON = ("torch.functional", "torch.nn.functional", "torch._lowrank")

# `from_file` opens and creates files; `triplet_...` calls what it is given, which may be a method of anything.
_DENIED_FUNCTIONS = frozenset({"from_file", "triplet_margin_with_distance_loss"})
# Kernels of one backend that take addresses or packed memory as they come.
_DENIED_PREFIXES = ("_", "cudnn_", "fbgemm_", "miopen_", "mkldnn_", "quantized_")
# They call what they are given, hand out memory that others can write, or read any attribute of what they are given.
_DENIED_METHODS = frozenset(
    {
        *("apply_", "map_", "map2_", "register_hook", "register_post_accumulate_grad_hook"),
        *("set_", "share_memory_", "storage", "untyped_storage"),
        *("format", "format_map"),
    }
)
_VALUE_CLASSES = (torch.Tensor, torch.Size, bool, int, float, complex, str, tuple, list, dict)
_TAKES_KEY = ("builtins.max", "builtins.min", "sort")


@dataclass(frozen=True, slots=True)
class Trust:
    """What may be named beside torch.

    Attributes:
        entries: import paths, each with all that lies below it; ".name" stands for a method or attribute.

    Raises:
        ValueError: an entry is neither.
    """

    entries: tuple[str, ...]

    def __post_init__(self) -> None:
        if isinstance(self.entries, str):
            raise TypeError(f"trusted is a tuple of packages: ({self.entries!r},)")
        for entry in self.entries:
            if not isinstance(entry, str) or not _is_path(entry.removeprefix(".")):
                raise ValueError(f"trusted names packages, such as 'mypackage', not {entry!r}")

    def layer(self, path: str, at: str) -> str:
        """A path that may be the class of a module."""
        return self._checked(path, at, is_layer, "no layer of torch.nn")

    def function(self, path: str, at: str) -> str:
        """A path that may be called by a node."""
        return self._checked(path, at, is_function, "no function of torch that computes on tensors")

    def value(self, path: str, at: str) -> str:
        """A path that may be an argument."""
        return self._checked(path, at, is_value, "no data type, function or layer of torch")

    def mapping(self, path: str, at: str) -> str:
        """A path that may be the class of a dict."""
        return self._checked(path, at, _MAPPINGS.__contains__, "no dict of the standard library")

    def maker(self, path: str, at: str) -> str:
        """A path that may be called to make an object that an opaque module holds."""
        return self._checked(path, at, _is_maker, "no function that only computes")

    def instance(self, path: str, at: str) -> str:
        """A path that may be the class of an object that an opaque module holds."""
        return self._checked(path, at, lambda _: False, "a class of its own")

    def method(self, name: str, at: str) -> str:
        """A name that may be called as a method."""
        if name in method_names() or f".{name}" in self.entries:
            return name
        what = "does more than compute" if name in _DENIED_METHODS else "is no method of tensors, numbers or lists"
        remedy = f"if you trust what it does, allow it with trusted=({shown(f'.{name}')},)"
        raise FormatError(f"{at}: {shown(name)} {what}; {remedy}")

    def attribute(self, name: str, at: str) -> str:
        """A name that may be read as an attribute."""
        if (_is_name(name) and not name.startswith("_")) or f".{name}" in self.entries:
            return name
        raise FormatError(f"{at}: {shown(name)} is no public attribute; allow it with trusted=({shown(f'.{name}')},)")

    def _checked(self, path: str, at: str, is_safe: Callable[[str], bool], what: str) -> str:
        if not _is_path(path):
            raise FormatError(f"{at}: {shown(path)} is no import path")
        if is_safe(path) or any(path == entry or path.startswith(f"{entry}.") for entry in self.entries):
            return path
        root = path.partition(".")[0]
        remedy = path if root in ("numpy", "torch") or root in sys.stdlib_module_names else root
        raise FormatError(
            f"{at}: {shown(path)} is {what}; if you trust what it does, allow it with trusted=({shown(remedy)},)"
        )


def is_layer(path: str) -> bool:
    """Whether the path is `torch.nn.X` for a public module class X, or the class that stands for chosen inputs."""
    if path == CHOSEN_PATH:
        return True
    home, _, name = path.rpartition(".")
    thing = vars(nn).get(name)
    return home == "torch.nn" and name[0] != "_" and isinstance(thing, type) and issubclass(thing, nn.Module)


def is_function(path: str) -> bool:
    """Whether the path is a function that computes on tensors, numbers or containers, and does nothing else."""
    home, _, name = path.rpartition(".")
    known = _FUNCTIONS.get(home)
    return known is not None and known(name)


def is_value(path: str) -> bool:
    """Whether the path is a constant of torch, such as a data type, or a function or layer."""
    home, _, name = path.rpartition(".")
    if home == "torch" and isinstance(vars(torch).get(name), _TORCH_VALUES):
        return True
    return is_layer(path) or is_function(path) or _is_numpy_type(path) or path in _MAPPINGS


def _is_maker(path: str) -> bool:
    return is_function(path) or _is_numpy_type(path) or path in _COLLECTIONS


def _is_numpy_type(path: str) -> bool:
    home, _, name = path.rpartition(".")
    thing = vars(np).get(name)
    return home == "numpy" and isinstance(thing, type) and issubclass(thing, np.number | np.bool_)


def calls_its_key(what: str) -> bool:
    """Whether a function (by path) or method calls its argument `key`."""
    return what in _TAKES_KEY


@functools.cache
def method_names() -> frozenset[str]:
    """The methods of tensors, numbers, text and containers that a graph may call."""
    public = {
        name
        for cls in _VALUE_CLASSES
        for name in dir(cls)
        if (name[0] != "_" or name in _operator_methods()) and callable(getattr(cls, name))
    }
    return frozenset(public - _DENIED_METHODS)


def is_reserved(name: str) -> bool:
    """Whether a name means something to Python or to torch's modules, so that a module can hold nothing under it."""
    return name in _machinery() or is_special(name)


def is_special(name: str) -> bool:
    """Whether a name is one of those to which Python gives a meaning, such as `__class__`."""
    return name.startswith("__") and name.endswith("__")


@functools.cache
def _machinery() -> frozenset[str]:
    return frozenset(vars(nn.Module()))


def _operator_methods() -> frozenset[str]:
    names = [name.strip("_") for name in (*_OPERATORS, "div", "len")]
    return frozenset(f"__{prefix}{name}__" for name in names for prefix in ("", "r", "i"))


def _is_name(name: str) -> bool:
    """Whether it is a name, and none of those to which Python gives a meaning."""
    return is_name(name) and not is_special(name)


def _is_path(path: str) -> bool:
    first, *rest = path.split(".")
    return (_is_name(first) or first == "__main__") and all(_is_name(name) for name in rest)


def _is_torch_function(name: str) -> bool:
    return name == "_assert" or name in _TORCH_CLASSES or name.startswith("sym_") or _computes(torch, name)


def _computes(home: types.ModuleType, name: str) -> bool:
    if name in _DENIED_FUNCTIONS or name.startswith(_DENIED_PREFIXES):
        return False
    thing: Any = vars(home).get(name)
    if isinstance(thing, types.BuiltinFunctionType):
        return thing.__self__ in _COMPUTING or getattr(torch._C._VariableFunctions, name, None) is thing
    return isinstance(thing, types.FunctionType) and thing.__module__ in _WRITTEN_IN_PYTHON


def _is_math(name: str) -> bool:
    return name[0] != "_" and isinstance(vars(math).get(name), types.BuiltinFunctionType)


_FUNCTIONS: dict[str, Callable[[str], bool]] = {
    "builtins": _BUILTINS.__contains__,
    "math": _is_math,
    "operator": _OPERATORS.__contains__,
    "torch": _is_torch_function,
    "torch.nn.utils.rnn": _PACKING.__contains__,
    **{
        home.__name__: functools.partial(_computes, home)
        for home in (nn.functional, torch.fft, torch.linalg, torch.special)
    },
}
