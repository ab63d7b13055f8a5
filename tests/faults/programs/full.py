"""Searches that run out of space, then once more with some.

usage: full.py limit COUNT DIRECTORY | full.py disk sequential|process COUNT DIRECTORY | full.py log DIRECTORY
With a limit no file may grow beyond so many bytes. A disk is a small file system, filled up but for a few of them; for
the log, wholly filled up at a time when the database has pages to use again.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import sys
from functools import partial
from pathlib import Path

from kills import engine
from searches import TRIALS, Acknowledging, acknowledged, experiment, forked, is_whole, recorded, say, score

import retiarii
from retiarii.callback import Callback
from retiarii.strategies import Random

NAMED, UNNAMED = 3, 4
_BLOCK = 4096


def talkative(sample):
    """Prints, so that what it prints wants a place on the disk as well."""
    print("." * 3000)
    return score(sample)


def limit(count, directory):
    seen = {"stopped": 0, "named": 0, "lost": 0, "finished": 0}
    for turn in range(count):
        size = 6_000 + 7_919 * turn
        narrow = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size))
        known = _exhaust(directory, f"full{turn}", {}, narrow, seen)
        _resume(directory, f"full{turn}", known, seen)
    return seen


def disk(kind, count, directory):
    seen = {"stopped": 0, "named": 0, "lost": 0, "finished": 0, "torn": 0}
    for turn in range(count):
        name, filling = f"full{turn}", directory / "filling"
        free = _BLOCK * (8 + 5 * turn)
        settings = {"function": talkative} if kind == "process" else {}
        with filling.open("wb") as file:
            file.write(bytes(shutil.disk_usage(directory).free - free))
        run = settings | {"engine": engine(kind, turn)}
        known = _exhaust(directory, name, run, lambda: None, seen)
        filling.unlink()
        seen["torn"] += not is_whole(directory, name)
        _resume(directory, name, known, seen)
        shutil.rmtree(directory / name)
    return seen


class Filling(Callback):
    """Fills a disk up when a trial has ended."""

    def __init__(self, path, number):
        self.path, self.number = path, number

    def on_trial_end(self, trial):
        if trial.number == self.number:
            with self.path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(_BLOCK))


def log(directory):
    seen = {"searches": 0, "stopped or through": 0, "named": 0, "lost": 0, "finished": 0}
    for turn, number in enumerate((5, 120, 150)):
        filling = Filling(directory / "filling", number)
        found = {"stopped": 0, "named": 0}
        settings = {"callbacks": [filling], "max_trials": 200}
        known = _exhaust(directory, f"log{turn}", settings, lambda: None, found)
        filling.path.unlink()
        seen["searches"] += 1
        seen["stopped or through"] += found["stopped"] == 1 or len(known) == 200
        seen["named"] += found["named"] == found["stopped"]
        now = recorded(directory, f"log{turn}")
        seen["lost"] += sum(now.get(number) != metric for number, metric in known.items())
        again = experiment(Random(), directory, f"log{turn}", max_trials=200)
        again.run(progress=False)
        seen["finished"] += sum(trial.state == "completed" for trial in again.trials) == 200
        shutil.rmtree(directory / f"log{turn}")
    return seen


def _exhaust(directory, name, settings, narrow, seen):
    """Runs a search until there is no space left: what it has acknowledged by then."""

    def run(pipe):
        narrow()
        try:
            experiment(Acknowledging(pipe), directory, name, **settings).run(progress=False)
        except retiarii.ExperimentError as error:
            said = str(error)
            os._exit(NAMED if str(directory / name) in said and "bytes are free" in said else print(said) or UNNAMED)

    child, lines = forked(run)
    known = acknowledged(lines)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    seen["stopped"] += status in {NAMED, UNNAMED}
    seen["named"] += status == NAMED
    return known


def _resume(directory, name, known, seen):
    """Lets a search go on that has space again, and looks whether something is lost that was acknowledged."""
    now = recorded(directory, name)
    seen["lost"] += sum(now.get(number) != metric for number, metric in known.items())
    again = experiment(Random(), directory, name)
    again.run(progress=False)
    ended = {trial.number: trial.metric for trial in again.trials if trial.state == "completed"}
    seen["finished"] += len(ended) == TRIALS and now.items() <= ended.items()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["limit", times, where]:
            say(limit(int(times), Path(where)))
        case ["log", where]:
            say(log(Path(where)))
        case ["disk", how, times, where]:
            say(disk(how, int(times), Path(where)))
