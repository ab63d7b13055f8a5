"""Workers whose evaluations have started processes of many kinds, and that die, or whose parent does.

usage: families.py DIRECTORY
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from hostile import DEAF, GRANDCHILD, ORPHAN, SLEEP
from searches import experiment, forked, left_after, marked, processes, say

from retiarii.domain import Categorical, Domain
from retiarii.execution import ProcessEngine
from retiarii.strategies import GridSearch

FAMILIES = {
    "child": (SLEEP, False),
    "deaf child": (DEAF, False),
    "child in a session": (SLEEP, True),
    "grandchild": (GRANDCHILD, False),
    "orphan": (ORPHAN, False),
}
ENDS = ("stays", "leaves", "dies", "is killed")
DOMAIN = Domain([Categorical("family", tuple(FAMILIES)), Categorical("end", ENDS)])
LONG = 600


def score(sample):
    """Starts a process, then comes to its own end."""
    program, is_apart = FAMILIES[sample["family"]]
    subprocess.Popen([sys.executable, "-c", program], start_new_session=is_apart)
    time.sleep(0.5)
    if sample["end"] in ("leaves", "dies"):
        os._exit(sample["end"] == "dies")
    if sample["end"] == "is killed":
        os.kill(os.getpid(), signal.SIGKILL)
    return 1.0


def stay(sample):
    score(sample | {"end": "stays"})
    time.sleep(LONG)


def families(directory):
    with marked() as mark:
        settings = {"domain": DOMAIN, "max_trials": None, "engine": ProcessEngine(2)}
        search = experiment(GridSearch(), directory, "ends", function=score, **settings)
        search.run(progress=False)
        left = left_after(mark)
    states = [trial.state for trial in search.trials]
    found = {"completed": states.count("completed"), "failed": states.count("failed"), "left": len(left)}
    return found | {"orphans": _without_parent(directory)}


def _without_parent(directory):
    """Kills a search whose workers have started processes: those that stay behind."""
    settings = {"domain": DOMAIN, "max_trials": None, "engine": ProcessEngine(len(FAMILIES))}
    with marked() as mark:
        child, lines = forked(
            lambda pipe: experiment(GridSearch(), directory, "killed", function=stay, **settings).run(progress=False)
        )
        deadline = time.monotonic() + 60
        while len(processes(mark)) < 2 * len(FAMILIES) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(0.5)
        begun = len(processes(mark))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        lines.close()
        return {"begun": begun, "left": len(left_after(mark))}


if __name__ == "__main__":
    say(families(Path(sys.argv[1])))
