"""Paths of what evaluations have kept, in a record that may be moved together with them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def written(files: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Paths as they are written down: relative for what lies in the folder."""
    return {
        name: path if _is_url(path) else _relative(Path(os.path.abspath(path)), folder.absolute())
        for name, path in files.items()
    }


def found(files: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Paths that were written down, where the folder is now."""
    return {name: path if _is_url(path) else str(folder.absolute() / path) for name, path in files.items()}


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _is_url(path: str) -> bool:
    return "://" in path
