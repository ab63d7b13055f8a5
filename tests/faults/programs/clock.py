"""Searches on a machine whose clock is put back, by hours at a time, while they run and between runs.

usage: clock.py sequential|process DIRECTORY
The clock is this program's own: `time.time` is another function before anything of the library is loaded.
"""

from __future__ import annotations

import itertools
import sys
import time
from pathlib import Path

_true = time.time
_calls = itertools.count()
_back = [0.0]


def _jumping():
    """Goes back an hour at every fifth look."""
    if next(_calls) % 5 == 4:
        _back[0] += 3600.0
    return _true() - _back[0]


time.time = _jumping

from kills import engine  # noqa: E402
from searches import TRIALS, experiment, say  # noqa: E402

from retiarii.experiment import Experiment  # noqa: E402
from retiarii.strategies import RegularizedEvolution  # noqa: E402


def score(sample):
    return float(sum(ord(letter) for letter in sample.values()))


def run(kind, directory, name, parts):
    for part in range(parts):
        search = experiment(
            RegularizedEvolution(population_size=8, sample_size=3),
            directory,
            name,
            function=score,
            engine=engine(kind, 0),
            max_trials=TRIALS * (part + 1) // parts,
        )
        search.run(progress=False)
    return Experiment.load(directory, name)


def clock(kind, directory):
    history = run(kind, directory, "parts", 4)
    whole = run(kind, directory, "whole", 1)
    trials = history.trials
    return {
        "back": _back[0],
        "trials": len(trials),
        "numbers": [trial.number for trial in trials] == list(range(TRIALS)),
        "negative": sum(trial.duration < 0 for trial in trials) + sum(run.seconds < 0 for run in history.runs),
        "same": [trial.sample for trial in trials] == [trial.sample for trial in whole],
        "seconds": history.seconds,
        "runs": len(history.runs),
    }


if __name__ == "__main__":
    say(clock(sys.argv[1], Path(sys.argv[2])))
