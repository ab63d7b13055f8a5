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
from pathlib import Path

import numpy as np
from searches import experiment, left_after, marked, processes, say

from retiarii.domain import Categorical, Domain
from retiarii.execution import ProcessEngine
from retiarii.strategies import Random

WIDE = Domain([Categorical(f"choice{index}", ("a", "b", "c", "d")) for index in range(9)])
GROWN = 0.7
"""Seconds after which a worker is ready."""

BEFORE = 5
"""Trials that end before the first kill: were the first three killed, the search would end."""


def score(sample):
    time.sleep(0.01)
    return float(sum(ord(letter) for letter in sample.values()))


class Killer(threading.Thread):
    """Kills a marked process now and then; hardly ever one that has just been started, or the engine gives up."""

    def __init__(self, mark, count, seed):
        super().__init__(daemon=True)
        self.draw = np.random.default_rng(seed)
        self.mark, self.count = mark, count
        self.begun, self.through = threading.Event(), threading.Event()
        self.killed = self.young = 0
        self.since = {}

    def run(self):
        self.begun.wait(60)
        while self.killed < self.count and not self.through.is_set():
            pause = time.monotonic() + self.draw.exponential(0.1)
            while time.monotonic() < pause:
                time.sleep(0.01)
                now = processes(self.mark)
                self.since = {worker: self.since.get(worker, time.monotonic()) for worker in now}
            self.strike()

    def strike(self):
        young = [worker for worker, begin in self.since.items() if time.monotonic() - begin < GROWN]
        self.young = self.young if young else 0
        allowed = [worker for worker in self.since if self.young < 1 or worker not in young]
        if allowed:
            worker = int(self.draw.choice(allowed))
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
                self.young += worker in young
                self.killed += 1


class Counting(Random):
    """Tells the killer when to begin, and ends when it has done its work."""

    def __init__(self, killer):
        super().__init__()
        self.killer = killer
        self.heard = 0

    def ask(self):
        return super().ask() if self.killer.is_alive() else None

    def tell(self, trial):
        super().tell(trial)
        self.heard += trial.has_ended
        if self.heard == BEFORE:
            self.killer.begun.set()


def workers(count, directory, seed=0):
    with marked() as mark:
        killer = Killer(mark, count, seed)
        killer.start()
        engine = ProcessEngine(workers=2, trials_per_message=1 + 3 * (seed % 2))
        search = experiment(
            Counting(killer), directory, "workers", function=score, engine=engine, max_trials=10**5, domain=WIDE
        )
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
