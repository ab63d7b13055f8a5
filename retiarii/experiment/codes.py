"""Functions and classes in words: their names, and what is another one when their code has changed."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FunctionType
from typing import Any

from retiarii.domain.naming import mark, plain
from retiarii.experiment.settings import source_mark
from retiarii.experiment.texts import checksum

_LIBRARIES = frozenset(
    {"lightning", "lightning_fabric", "lightning_utilities", "numpy", "pytorch_lightning", "retiarii", "torch"}
    | {"torchmetrics"}
    | sys.stdlib_module_names
)
"""Of which the versions are recorded, or hang on one that is: what of their code matters is not looked at."""


def name_of(value: Any) -> str:
    """Module and name of a function or class; a program goes by its file's name, imported or not."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", type(value).__qualname__)
    return f"{_program() if module == '__main__' else module}.{name}" if isinstance(module, str) else str(name)


def is_of_library(value: Any) -> bool:
    """Whether a function or class is none of the user's."""
    module = getattr(value, "__module__", None)
    return not isinstance(module, str) or (module != "__main__" and module.partition(".")[0] in _LIBRARIES)


def code_mark(value: Any) -> str:
    """What is another one when the code of a user's function or class has changed, or that of a base.

    As in " (source 1f00d5e7)"; where there is no source, as in a prompt, by what Python has made of it.
    """
    kinds = value.__mro__ if isinstance(value, type) else (value,)
    marks = [_mark(kind) for kind in kinds if not is_of_library(kind)]
    listed = ", ".join(filter(None, marks))
    return f" ({listed})" if listed else ""


def _mark(value: Any) -> str:
    found = source_mark(value).strip(" ()")
    if found:
        return found
    if isinstance(value, FunctionType):
        return f"code {mark(value)}"
    if not isinstance(value, type):
        return ""
    held = {name: getattr(item, "__func__", getattr(item, "fget", item)) for name, item in vars(value).items()}
    methods = {name: mark(item) for name, item in held.items() if isinstance(item, FunctionType)}
    values = {name: item for name, item in held.items() if plain(item) and not name.startswith("__")}
    return f"code {sys.implementation.cache_tag} {checksum(repr([sorted(methods.items()), sorted(values.items())]))}"


def _program() -> str:
    main = sys.modules["__main__"]
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None:
        return str(spec.name)
    return Path(file).stem if isinstance(file, str) else "__main__"
