"""Experiments by name."""

from __future__ import annotations

import difflib
import os
import shlex
from pathlib import Path

from retiarii.errors import ExperimentError
from retiarii.experiment.experiment import DIRECTORY, Experiment
from retiarii.experiment.folders import checked_name
from retiarii.experiment.history import History
from retiarii.experiment.record_file import FILE

_MOST_NAMES = 5


def names(directory: Path) -> list[str]:
    """The folders in a directory that hold the record of an experiment, sorted.

    Raises:
        ExperimentError: there is no such directory, or it can't be read.
    """
    try:
        with os.scandir(directory) as entries:
            return sorted([entry.name for entry in entries if _is_experiment(Path(entry.path))])
    except FileNotFoundError as error:
        raise ExperimentError(
            f"there is no folder {directory.absolute()}; say where the experiments lie with --directory"
        ) from error
    except OSError as error:
        raise ExperimentError(f"{directory} can't be read: {error.strerror}") from error


def place(directory: Path | None) -> Path:
    """The directory of experiments that is meant."""
    return Path(DIRECTORY) if directory is None else directory


def loaded(directory: Path, name: str) -> History:
    """What is recorded of an experiment.

    Raises:
        ExperimentError: there is none of this name, and what names come near it; or its record can't be read.
    """
    if not _is_experiment(folder_of(directory, name)):
        raise ExperimentError(_unknown(directory, name))
    return Experiment.load(directory, name)


def folder_of(directory: Path, name: str) -> Path:
    """Where an experiment of this name lies, or would.

    Raises:
        ExperimentError: it is no name, and what to give instead if it is the path of an experiment.
    """
    try:
        return directory / checked_name(name)
    except ExperimentError:
        path = Path(name).resolve() if Path(name).name in ("", "..") else Path(name)
        if not _is_experiment(path):
            raise
        words = shlex.join(["--directory", str(path.parent), path.name])
        raise ExperimentError(f"{name} is the path of an experiment; give its directory and name: {words}") from None


def _is_experiment(folder: Path) -> bool:
    """Whether a folder holds a record, as far as one may look."""
    try:
        return (folder / FILE).is_file()
    except PermissionError:
        return folder.is_dir()
    except OSError:
        return False


def _unknown(directory: Path, name: str) -> str:
    known = names(directory)
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"there is no experiment {name!r} in {directory}; did you mean {near[0]!r}?"
    listed = ", ".join(map(repr, known[:_MOST_NAMES]))
    more = f" and {len(known) - _MOST_NAMES} more: see retiarii list" if len(known) > _MOST_NAMES else ""
    return f"there is no experiment {name!r} in {directory}; there is {listed or 'none at all'}{more}"
