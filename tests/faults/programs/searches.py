"""Searches to be disturbed, and what can be seen of them from outside; the programs beside this file share it."""

from __future__ import annotations

import contextlib
import json
import os
import random
import sqlite3
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from retiarii.domain import Categorical, Domain
from retiarii.evaluators import FunctionalEvaluator
from retiarii.experiment import Experiment
from retiarii.experiment.record_file import FILE
from retiarii.strategies import Random
from retiarii.testing import SampleSpace

TRIALS = 40
PATIENCE = 20
DOMAIN = Domain([Categorical(f"choice{index}", ("a", "b", "c", "d")) for index in range(4)])
MARK = "RETIARII_FAULTS"
"""In the environment of a process, and so of all that it starts: how those are found that have lost their parent."""


def score(sample):
    """Never twice the same, so that a trial that is run again is seen."""
    time.sleep(random.expovariate(1000))
    return int.from_bytes(os.urandom(4))


class Acknowledging(Random):
    """Writes down, in a pipe, each ended trial that it is told for the first time: it has been recorded by then."""

    def __init__(self, pipe):
        super().__init__()
        self.pipe = pipe

    def tell(self, trial):
        super().tell(trial)
        if trial.has_ended:
            os.write(self.pipe, f"{trial.number} {trial.metric!r}\n".encode())


def experiment(strategy, directory, name, *, function=score, domain=DOMAIN, **settings):
    return Experiment(
        SampleSpace(domain),
        FunctionalEvaluator(function, argument="sample"),
        strategy,
        name=name,
        directory=directory,
        **{"max_trials": TRIALS, "seed": 0, "max_retries": 10**6} | settings,
    )


def forked(function: Callable[[int], None]):
    """The process that runs `function` with the end of a pipe, and the other end."""
    read, write = os.pipe()
    child = os.fork()
    if child:
        os.close(write)
        return child, os.fdopen(read, "rb")
    status = 1
    try:
        os.close(read)
        function(write)
        status = 0
    finally:
        if status and sys.exc_info()[0] is not None:
            sys.excepthook(*sys.exc_info())
        os._exit(status)


def acknowledged(lines):
    """Whole lines only: the last one may be torn."""
    with lines:
        pairs = [line.split() for line in lines.read().splitlines(keepends=True) if line.endswith(b"\n")]
    return {int(number): float(metric) for number, metric in pairs}


def trials_of(directory, name):
    """The trials as far as they are recorded: none where nothing is."""
    if not (directory / name / FILE).exists():
        return []
    return Experiment.load(directory, name).trials


def recorded(directory, name):
    """The metrics of the trials that have completed, as far as is recorded."""
    return {trial.number: trial.metric for trial in trials_of(directory, name) if trial.state == "completed"}


def is_whole(directory, name):
    """What SQLite itself says of a record, which is left as it is."""
    path = directory / name / FILE
    if not path.exists():
        return True
    how = "rw" if path.with_name(f"{path.name}-journal").exists() else "ro"
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode={how}", uri=True)) as file:
        return file.execute("pragma integrity_check").fetchall() == [("ok",)]


@contextlib.contextmanager
def marked() -> Iterator[str]:
    """Marks the processes that are started while it is active."""
    os.environ[MARK] = mark = uuid.uuid4().hex
    try:
        yield mark
    finally:
        del os.environ[MARK]


def processes(mark):
    """The marked processes that run."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            is_marked = f"{MARK}={mark}".encode() in (entry / "environ").read_bytes()
            if is_marked and (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.append(int(entry.name))
    return found


def left_after(mark):
    """The marked processes that still run after a while, or none as soon as there are none."""
    deadline = time.monotonic() + PATIENCE
    while (found := processes(mark)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def say(found):
    print(json.dumps(found))
