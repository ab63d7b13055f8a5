"""What a run is made in, as JSON values for its record, and what marks code."""

from __future__ import annotations

import inspect
import os
import platform
import sys
import zlib
from importlib import metadata
from typing import Any

_PACKAGES = ("retiarii", "torch", "pytorch-lightning", "numpy")


def circumstances() -> dict[str, Any]:
    """The command line, where it was given, and the versions of what matters most."""
    return {
        "argv": [sys.executable, *map(str, sys.argv)],
        "directory": _directory(),
        "python": platform.python_version(),
        "versions": versions(*_PACKAGES),
    }


def versions(*packages: str) -> dict[str, str]:
    """Of those that are there."""
    return {name: version for name in packages if (version := _version(name)) is not None}


def source_mark(value: Any) -> str:
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
