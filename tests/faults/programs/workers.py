"""Kills workers at random moments while the search that they work for goes on.

usage: workers.py COUNT DIRECTORY [SEED]
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
from searches import experiment, left_after, marked, processes, say

from retiarii.domain import Categorical, Domain
from retiarii.execution import ProcessEngine
from retiarii.strategies import Random

WIDE = Domain([Categorical(f"choice{index}", ("a", "b", "c", "d")) for index in range(9)])
BEFORE = 5
"""Trials that end before the first kill: were the first three killed, the search would end."""

EACH = 7
"""Trials that end for each kill, at least and in all, however slowly workers start."""


def score(folder, sample):
    (folder / str(os.getpid())).touch()
    time.sleep(0.01)
    return float(sum(ord(letter) for letter in sample.values()))


class Killer(threading.Thread):
    """Kills a marked process now and then; after one that had begun no trial only such that have, until one more has.

    Else the engine would give up.
    """

    def __init__(self, mark, grown, count, seed):
        super().__init__(daemon=True)
        self.draw = np.random.default_rng(seed)
        self.mark, self.grown, self.count = mark, grown, count
        self.through = threading.Event()
        self.killed = self.heard = 0
        self.needed = 1

    def run(self):
        while self.killed < self.count and not self.through.is_set():
            time.sleep(self.draw.exponential(0.1))
            if self.heard >= BEFORE + EACH * self.killed:
                self.strike()

    def strike(self):
        workers = processes(self.mark)
        grown = {int(path.name) for path in self.grown.iterdir()}
        allowed = [worker for worker in workers if worker in grown or len(grown) >= self.needed]
        if allowed:
            worker = int(self.draw.choice(allowed))
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
                self.needed = self.needed if worker in grown else len(grown) + 1
                self.killed += 1


class Counting(Random):
    """Tells the killer of trials that have ended, and ends when it has done its work."""

    def __init__(self, killer):
        super().__init__()
        self.killer = killer

    def ask(self):
        return super().ask() if self.killer.is_alive() else None

    def tell(self, trial):
        super().tell(trial)
        self.killer.heard += trial.has_ended


def workers(count, directory, seed=0):
    grown = directory / "grown"
    grown.mkdir()
    with marked() as mark:
        killer = Killer(mark, grown, count, seed)
        killer.start()
        engine = ProcessEngine(workers=2, trials_per_message=1 + 3 * (seed % 2))
        settings = {"function": partial(score, grown), "engine": engine, "max_trials": 10**5, "domain": WIDE}
        search = experiment(Counting(killer), directory, "workers", **settings)
        search.run(progress=False)
        killer.through.set()
        killer.join()
        left = left_after(mark)
    trials = search.trials
    failed = [trial for trial in trials if trial.state == "failed"]
    completed = [trial for trial in trials if trial.state == "completed"]
    return {
        "kills": killer.killed,
        "failed": len(failed),
        "unnamed": [trial.error for trial in failed if "SIGKILL" not in trial.error][:3],
        "wrong": sum(trial.metric != float(sum(map(ord, trial.sample.values()))) for trial in completed),
        "others": len(trials) - len(failed) - len(completed),
        "completed": len(completed),
        "left": len(left),
    }


if __name__ == "__main__":
    times, where, *rest = sys.argv[1:]
    say(workers(int(times), Path(where), *map(int, rest)))
