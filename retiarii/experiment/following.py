"""Trainings in several processes, of which the first one searches and records: how the others keep up with it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from retiarii.errors import ExperimentError
from retiarii.experiment.lock import is_taken
from retiarii.experiment.plan import Plan
from retiarii.experiment.reader import Reader
from retiarii.experiment.record_file import FILE

_RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK")
"""What `torchrun` and Lightning number the processes by that they start; the first is 0, or has none."""

_WAIT = 0.1


def is_following() -> bool:
    """Whether this process is one of several that train together, and not the first of them."""
    return any(os.environ.get(name, "0") != "0" for name in _RANKS)


def followed(directory: Path, name: str | None) -> Path:
    """The folder of the experiment that the first process runs.

    Raises:
        ExperimentError: there is no name by which it can be found.
    """
    if name is None:
        raise ExperimentError(
            "this process trains together with others, which have to find the same experiment: give it a name, as in "
            "Experiment(..., name='first')"
        )
    return directory / name


def plan_of_first(folder: Path) -> Plan:
    """By what the first process searches, as soon as it has begun."""
    while not (folder / FILE).is_file() or (plan := Reader(folder).plan()) is None:
        time.sleep(_WAIT)
    return plan


def end_of_first(folder: Path) -> Reader:
    """What the first process has recorded, as soon as it has ended."""
    while is_taken(folder):
        time.sleep(_WAIT)
    return Reader(folder)
