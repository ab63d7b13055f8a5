"""Sends Ctrl-C and SIGTERM, once or twice, to searches at random moments, to most of them when trials have begun.

usage: signals.py COUNT DIRECTORY [SEED]
With `run ENGINE SECONDS DIRECTORY NAME` it is such a search, with trials of so many seconds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from kills import engine
from searches import (
    TRIALS,
    Acknowledging,
    acknowledged,
    experiment,
    is_whole,
    left_after,
    marked,
    say,
    trials_of,
)

from retiarii.strategies import Random

LONG = 120.0
SHORT = 0.02
PATIENCE = 60.0
AGAIN = 3.0
"""Seconds after which a signal that is meant twice is sent once more: two are one to a process that was held up."""
CODES = {signal.SIGINT: {130, -signal.SIGINT}, signal.SIGTERM: {143, -signal.SIGTERM}}
"""To a shell they are the same: 130 and 143."""
SEEN = ("ended as they should", "late", "orphans", "lost", "torn", "left running", "resumed", "with trials")


def score(seconds, sample):
    time.sleep(seconds)
    return int.from_bytes(os.urandom(4))


def run(kind, seconds, directory, name):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
    settings = {"function": partial(score, float(seconds)), "engine": engine(kind, int(name[-1])), "max_trials": None}
    search = experiment(Acknowledging(sys.stdout.fileno()), directory, name, **settings)
    os.write(sys.stdout.fileno(), b"begin\n")
    search.run(progress=False)


def signals(count, directory, seed=0):
    draw = np.random.default_rng(seed)
    seen = dict.fromkeys(SEEN, 0) | {"codes": []}
    for turn in range(count):
        kind = ("sequential", "process")[turn % 2]
        number = (signal.SIGINT, signal.SIGTERM)[turn // 2 % 2]
        is_twice = turn // 4 % 2 == 1
        name = f"{kind}{turn}"
        is_early = turn % 3 == 0
        delay = draw.random() * (0.8 if kind == "process" and is_early else 0.2)
        _disturb(directory, name, (kind, number, is_twice, is_early, delay), seen)
    return seen


def _disturb(directory, name, what, seen):
    """Sends signals to one search, and looks at what it leaves."""
    kind, number, is_twice, is_early, delay = what
    seconds = LONG if is_twice else SHORT
    with marked() as mark, TemporaryFile("w+") as said:
        command = [sys.executable, __file__, "run", kind, str(seconds), directory, name]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, start_new_session=True)
        assert child.stdout.readline() == b"begin\n"
        if not is_early:
            _await_trial(directory, name)
        time.sleep(delay + 0.05)
        for _ in range(1 + is_twice):
            os.killpg(child.pid, number)
            time.sleep(0.1)
        code = _code(child, number if is_twice else None)
        seen["late"] += code is None
        seen["orphans"] += len(left_after(mark))
        said.seek(0)
        words = said.read()[-300:]
    known = acknowledged(child.stdout)
    is_right = code in CODES[number]
    seen["ended as they should"] += is_right
    seen["codes"] += [] if is_right else [[name, number.name, is_twice, is_early, delay, code, words]]
    _inspect(directory, name, known, seen)


def _code(child, again):
    """The exit code, or None for one that had to be killed."""
    if again is not None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(AGAIN)
        os.killpg(child.pid, again)
    with contextlib.suppress(subprocess.TimeoutExpired):
        return child.wait(PATIENCE)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    return None


def _await_trial(directory, name):
    until = time.monotonic() + PATIENCE
    while not trials_of(directory, name) and time.monotonic() < until:
        time.sleep(0.02)


def _inspect(directory, name, known, seen):
    trials = trials_of(directory, name)
    metrics = {trial.number: trial.metric for trial in trials if trial.state == "completed"}
    seen["with trials"] += bool(trials)
    seen["lost"] += sum(metrics.get(number) != metric for number, metric in known.items())
    seen["torn"] += not is_whole(directory, name)
    seen["left running"] += sum(trial.state in {"running", "waiting"} for trial in trials)
    again = experiment(Random(), directory, name, function=partial(score, SHORT))
    again.run(progress=False)
    now = {trial.number: trial.metric for trial in again.trials if trial.state == "completed"}
    seen["resumed"] += len(now) >= TRIALS and metrics.items() <= now.items()


if __name__ == "__main__":
    if sys.argv[1] == "run":
        how, length, where, called = sys.argv[2:]
        run(how, length, Path(where), called)
    else:
        times, where, *rest = sys.argv[1:]
        say(signals(int(times), Path(where), *map(int, rest)))
