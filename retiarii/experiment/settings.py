"""What a run is made of, as JSON values for its record: to be read, never to be made again from."""

from __future__ import annotations

import inspect
import os
import platform
import reprlib
import sys
import zlib
from collections.abc import Mapping
from importlib import metadata
from itertools import islice
from typing import Any

_PLAIN = (bool, int, float, str, type(None))
_LETTERS = 200
_ITEMS = 50
_PACKAGES = ("retiarii", "torch", "pytorch-lightning", "numpy")


def described(part: object) -> dict[str, Any]:
    """The class of a strategy, engine, evaluator or stopper, and the arguments that it still holds by their names."""
    names = [name for name in inspect.signature(type(part)).parameters if hasattr(part, name)]
    return {
        "class": f"{type(part).__module__}.{type(part).__qualname__}",
        "arguments": {name: _shown(getattr(part, name)) for name in names},
    }


def circumstances() -> dict[str, Any]:
    """The command line, where it was given, and the versions of what matters most."""
    return {
        "argv": [sys.executable, *map(str, sys.argv)],
        "directory": _directory(),
        "python": platform.python_version(),
        "versions": {name: version for name in _PACKAGES if (version := _version(name)) is not None},
    }


def _shown(value: Any, depth: int = 0) -> Any:
    if isinstance(value, float) and value - value != 0:
        return repr(value)
    if isinstance(value, _PLAIN):
        return value if not isinstance(value, str) else value[:_LETTERS]
    if isinstance(value, Mapping) and not depth:
        return {str(key): _shown(item, 1) for key, item in islice(value.items(), _ITEMS)}
    if isinstance(value, list | tuple) and not depth:
        return [_shown(item, 1) for item in value[:_ITEMS]]
    if inspect.isroutine(value) or isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}{_mark(value)}"
    return reprlib.repr(value)


def _mark(value: Any) -> str:
    """What is another one when the source of a function or class has changed; empty where there is no source."""
    try:
        source = inspect.getsource(value)
    except (OSError, TypeError):
        return ""
    return f" (source {zlib.crc32(source.encode('utf-8', 'backslashreplace')):08x})"


def _directory() -> str | None:
    """That of the process; None where it was removed."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
