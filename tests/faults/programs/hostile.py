"""Evaluations that do what they should not, in workers. A mark in their environment shows what they leave behind.

usage: hostile.py DIRECTORY
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
from searches import experiment, left_after, marked, processes, say

from retiarii.domain import Categorical, Domain
from retiarii.evaluator import current_reporting
from retiarii.execution import ProcessEngine
from retiarii.strategies import GridSearch

SLEEP = "import time; time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
GRANDCHILD = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); {SLEEP}"
ORPHAN = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}], start_new_session=True)"
MEGABYTE = 2**20
TIMEOUT = 5.0


class Silent(Exception):
    """One that cannot say what it is, and cannot be sent anywhere."""

    def __init__(self):
        self.lock = threading.Lock()

    def __str__(self):
        raise ValueError("no words")


def prints():
    for _ in range(10):
        print("x" * MEGABYTE)


def prints_to_descriptor():
    for _ in range(20):
        os.write(2, b"\xff\x00\x1b[2J" * (MEGABYTE // 6))


def threads():
    for daemon in (True, False):
        threading.Thread(target=time.sleep, args=(600,), daemon=daemon).start()


def started(program, **settings):
    def start():
        subprocess.Popen([sys.executable, "-c", program], **settings)
        time.sleep(0.3)

    return start


def forks():
    if os.fork() == 0:
        time.sleep(600)


def comes_back():
    os.fork()


def closes():
    os.closerange(1, 3)


def closes_and_prints():
    closes()
    print("nobody hears this", flush=True)


def closes_all():
    os.closerange(3, 200)


def babbles():
    """To whoever listens, the parent among them."""
    for file in range(3, 30):
        with contextlib.suppress(OSError):
            os.write(file, b"\xff" * 1000)


def closes_stream():
    sys.stdout.close()


def signals_itself():
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.05)


def roams():
    folder = Path(current_reporting().folder)
    (folder / "kept").mkdir(parents=True)
    shutil.rmtree(folder)
    os.chdir("/")
    os.environ.clear()


def returns(value):
    return lambda: value


def raises(error):
    def evaluate():
        raise error

    return evaluate


def stops_itself():
    os.kill(os.getpid(), signal.SIGSTOP)


def recurses():
    return recurses()


CASES = {
    "good": returns(1.0),
    "good again": returns(2.0),
    "prints": prints,
    "prints to a descriptor": prints_to_descriptor,
    "threads": threads,
    "child": started(SLEEP),
    "deaf child": started(DEAF),
    "child in a session": started(SLEEP, start_new_session=True),
    "grandchild": started(GRANDCHILD),
    "orphan": started(ORPHAN),
    "forks": forks,
    "comes back": comes_back,
    "closes": closes,
    "closes and prints": closes_and_prints,
    "closes all": closes_all,
    "closes a stream": closes_stream,
    "babbles": babbles,
    "signals itself": signals_itself,
    "kills its group": lambda: os.killpg(os.getpgrp(), signal.SIGKILL),
    "roams": roams,
    "_exit": lambda: os._exit(0),
    "exit": lambda: sys.exit(3),
    "interrupt": raises(KeyboardInterrupt()),
    "generator exit": raises(GeneratorExit()),
    "stops itself": stops_itself,
    "hangs": lambda: time.sleep(600),
    "kills itself": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "aborts": os.abort,
    "large": returns(1e308),
    "low": returns(-1e308),
    "small": returns(5e-324),
    "huge": returns(10**400),
    "inf": returns(float("inf")),
    "nan": returns(float("nan")),
    "bool": returns(True),
    "text": returns("1.5"),
    "none": returns(None),
    "complex": returns(1j),
    "array": returns(np.array(1.5)),
    "arrays": returns(np.ones(2)),
    "long error": raises(RuntimeError("x" * 10 * MEGABYTE)),
    "surrogates": raises(RuntimeError("a\udcff\ud800b")),
    "NULs": raises(RuntimeError("a\0b")),
    "escapes": raises(RuntimeError("\x1b]0;title\x07\x1b[2Ja\r\nb")),
    "silent": lambda: (_ for _ in ()).throw(Silent()),
    "recurses": recurses,
}


def evaluate(sample):
    value = CASES[sample["case"]]()
    return 1.0 if value is None and sample["case"] != "none" else value


class Watching(GridSearch):
    """Counts, as trials end, what they have left behind."""

    def __init__(self, mark):
        super().__init__()
        self.mark = mark
        self.most = 0

    def tell(self, trial):
        super().tell(trial)
        self.most = max(self.most, len(processes(self.mark)))


def size(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def hostile(directory):
    domain = Domain([Categorical("case", tuple(CASES))])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with marked() as mark:
        engine = ProcessEngine(workers=2, trial_timeout=TIMEOUT)
        strategy = Watching(mark)
        search = experiment(
            strategy, directory, "hostile", function=evaluate, domain=domain, engine=engine, max_trials=None
        )
        search.run(progress=False)
        left = left_after(mark)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "outcomes": {t.sample["case"]: [t.state, t.metric, (t.error or "")[-2000:]] for t in search.trials},
        "longest": max(len(trial.error or "") for trial in search.trials),
        "left": len(left),
        "most": strategy.most,
        "grown": (after - before) / 1024,
        "disk": size(directory / "hostile") / MEGABYTE,
        "outside": sorted(path.name for path in directory.iterdir()),
    }


if __name__ == "__main__":
    say(hostile(Path(sys.argv[1])))
