"""Two evaluations that print very much; the last of it is kept.

usage: prints.py MEGABYTES DIRECTORY
"""

from __future__ import annotations

import resource
import sys
from functools import partial
from pathlib import Path

from hostile import MEGABYTE, size
from searches import experiment, say

from retiarii.execution import ProcessEngine
from retiarii.strategies import Random


def score(megabytes, sample):
    for _ in range(megabytes * 16):
        print("x" * (MEGABYTE // 16 - 1))
    print("these are the last words")
    return 1.0


def prints(megabytes, directory):
    settings = {"function": partial(score, megabytes), "max_trials": 2}
    experiment(
        Random(), directory, "few", **settings | {"function": partial(score, 0), "engine": ProcessEngine(2)}
    ).run(progress=False)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    search = experiment(Random(), directory, "prints", **settings, engine=ProcessEngine(2))
    search.run(progress=False)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kept = [path.read_text() for path in (directory / "prints").rglob("output.txt")]
    return {
        "completed": sum(trial.state == "completed" for trial in search.trials),
        "last words": len(kept) == 2 and all(text.endswith("these are the last words\n") for text in kept),
        "grown": (after - before) / 1024,
        "disk": size(directory / "prints") / MEGABYTE,
    }


if __name__ == "__main__":
    say(prints(int(sys.argv[1]), Path(sys.argv[2])))
