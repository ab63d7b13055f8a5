"""Kills a search at random moments, its beginning included, starting anew whenever it is through.

usage: kills.py sequential|process COUNT DIRECTORY [SEED]
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
from searches import (
    TRIALS,
    Acknowledging,
    acknowledged,
    experiment,
    forked,
    is_whole,
    left_after,
    marked,
    processes,
    recorded,
    say,
)

from retiarii.execution import SequentialEngine
from retiarii.strategies import Random

LONGEST = {"sequential": 0.08, "process": 3.0}
"""Seconds until a kill at most; otherwise what a search takes that is let alone, on this machine at this time."""

GROWTH = 1.5
"""How much longer the next run may take where one got no further: the disk, or the start of a worker, is slow then."""

SEEN = ("kills", "lost", "changed", "torn", "workers", "orphans", "ends", "sequences", "unended", "with_records")


def engine(kind, turn):
    """The engine of a search, with other numbers each time."""
    if kind == "sequential":
        return SequentialEngine()
    from retiarii.execution import ProcessEngine  # noqa: PLC0415

    return ProcessEngine(workers=1 + turn % 2, trials_per_message=(1, 4, 16)[turn % 3])


def kills(kind, count, directory, seed=0):
    draw = np.random.default_rng(seed)
    seen = dict.fromkeys(SEEN, 0)
    begin = time.monotonic()
    plain = experiment(Random(), directory, "plain", engine=engine(kind, 0))
    plain.run(progress=False)
    usual = longest = min(LONGEST[kind], 1.3 * (time.monotonic() - begin))
    done = 0
    for kill in range(count):
        name = f"killed{seen['ends']}"
        now = _kill(kind, directory, name, kill, draw.random() * longest, seen)
        longest = usual if len(now) > done else GROWTH * longest
        done = len(now)
        if done == TRIALS or kill == count - 1:
            seen["ends"] += 1
            _finish(directory, name, now, plain.trials, seen)
            done = 0
    return seen


def _kill(kind, directory, name, turn, delay, seen):
    """Kills one run of a search, and looks at what it leaves."""
    known = recorded(directory, name)

    def run(pipe):
        experiment(Acknowledging(pipe), directory, name, engine=engine(kind, turn)).run(progress=False)

    with marked() as mark:
        child, lines = forked(run)
        time.sleep(delay)
        workers = processes(mark) if kind == "process" else []
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        seen["workers"] += len(workers)
        seen["orphans"] += len(left_after(mark)) if workers else 0
    known |= acknowledged(lines)
    seen["kills"] += 1
    seen["torn"] += not is_whole(directory, name)
    now = recorded(directory, name)
    seen["with_records"] += bool(now)
    seen["lost"] += len(known.keys() - now.keys())
    seen["changed"] += sum(now.get(number) != metric for number, metric in known.items())
    return now


def _finish(directory, name, now, plain, seen):
    """Lets a search go on to its end, and compares it with one that was never killed."""
    resumed = experiment(Random(), directory, name)
    resumed.run(progress=False)
    trials = resumed.trials
    seen["sequences"] += [trial.sample for trial in trials] == [trial.sample for trial in plain]
    seen["unended"] += sum(trial.state != "completed" for trial in trials)
    seen["lost"] += sum(trials[number].metric != metric for number, metric in now.items())


if __name__ == "__main__":
    how, times, where, *rest = sys.argv[1:]
    say(kills(how, int(times), Path(where), *map(int, rest)))
