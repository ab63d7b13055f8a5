"""A parent that no fork would survive: torch has computed with threads, others hold locks and run on.

usage: threaded.py DIRECTORY
"""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path

import torch
from searches import experiment, left_after, marked, say

from retiarii.execution import ProcessEngine
from retiarii.strategies import Random

LOCK = threading.Lock()


def computes():
    factors = torch.rand(600, 600, requires_grad=True)
    (factors @ factors).sum().backward()
    return float(factors.grad.sum() * 0)


def score(sample):
    import torch  # noqa: PLC0415

    torch.set_num_threads(2)
    logging.getLogger("retiarii.faults").warning("computing")
    return computes() + len(sample)


def hold(lock, end):
    with lock:
        end.wait()


def threaded(directory):
    torch.set_num_threads(2)
    computes()
    end = threading.Event()
    locks = [LOCK, threading.RLock()]
    threads = [threading.Thread(target=hold, args=(lock, end)) for lock in locks]
    threads += [threading.Thread(target=end.wait) for _ in range(8)]
    for thread in threads:
        thread.start()
    with marked() as mark:
        engine = ProcessEngine(workers=2, trial_timeout=60)
        search = experiment(Random(), directory, "threaded", function=score, engine=engine, max_trials=8)
        search.run(progress=False)
        left = left_after(mark)
    end.set()
    return {"completed": sum(trial.state == "completed" for trial in search.trials), "left": len(left)}


if __name__ == "__main__":
    say(threaded(Path(sys.argv[1])))
