"""Where an experiment lies: a folder of its own, named after it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from retiarii.errors import ExperimentError

_LONGEST = 255
"""Bytes in the name of a folder, on the file systems in use."""


def checked_name(name: str) -> str:
    """`name`, if it can be that of a folder and of nothing else."""
    if not name or name in (".", "..") or any(mark in name for mark in ("/", "\\", "\0")):
        raise ExperimentError(f"the name of an experiment is that of a folder; it cannot be {name!r}")
    if len(os.fsencode(name)) > _LONGEST:
        raise ExperimentError(f"the name of an experiment is that of a folder; {name[:20]!r}... is too long")
    return name


def experiment_folder(directory: Path, name: str | None, stem: str) -> Path:
    """The folder of an experiment, made if there is none; without a name a new one, called after `stem` and the time.

    Raises:
        ExperimentError: it can't be made or written in.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if name is None:
            return _new_folder(directory, f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}")
        folder = directory / name
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ExperimentError(
            f"experiments cannot be recorded in {directory}: {error.strerror}; choose another directory"
        ) from error
    if not os.access(folder, os.W_OK):
        raise ExperimentError(f"{folder} is not writable; choose another directory, or make it so")
    return folder


def _new_folder(directory: Path, name: str) -> Path:
    folder, count = directory / name, 1
    while True:
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            count += 1
            folder = directory / f"{name}-{count}"
        else:
            return folder
