"""A record of very many trials, written in one go: how long it takes to go on with it and to look at it.

usage: many.py COUNT DIRECTORY STRATEGY ...
The strategies are GridSearch and Random; each goes on with a record of its own.
"""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

from searches import experiment, say

from retiarii.callback import Callback
from retiarii.domain import Categorical, Domain
from retiarii.experiment import Experiment
from retiarii.experiment.plan import Plan
from retiarii.experiment.records import Records
from retiarii.strategies import GridSearch, Random
from retiarii.trial import Trial

DOMAIN = Domain(
    [Categorical(f"choice{index}", tuple(f"candidate{place}" for place in range(10))) for index in range(6)]
)
OBJECTIVES = {"default": "maximize"}
NEW = 5


def score(sample):
    return float(len(sample))


def trials(count):
    """In the order in which a grid search proposes them, completed but for every tenth."""
    for number, sample in enumerate(islice(DOMAIN.grid(), count)):
        trial = Trial(number, sample, seed=number).running(host="host", started=float(number))
        if number % 10 == 9:
            yield trial.failed("Traceback ...\nValueError: no", ended=number + 1.0, duration=1.0)
        else:
            yield trial.completed({"default": number % 997 / 7}, ended=number + 1.0, duration=1.0)


class First(Callback):
    """Takes the time of the first trial that begins."""

    began = None

    def on_trial_start(self, trial):
        self.began = self.began or time.monotonic()


@contextmanager
def timed(times, name):
    begin = time.perf_counter()
    yield
    times[name] = round(time.perf_counter() - begin, 3)


def many(count, directory, *strategies):
    times = {}
    for name in strategies:
        folder = directory / name
        folder.mkdir()
        with timed(times, "write"), closing(Records(folder)) as records:
            records.begin(Plan.of("SampleSpace", DOMAIN, OBJECTIVES, 0))
            records.start_run({})
            records.save(list(trials(count)))
            records.end_run("it was written")
    found = {"megabytes": (directory / strategies[0] / "experiment.sqlite").stat().st_size / 2**20}
    found |= _look(count, directory, strategies[0], times)
    for name in strategies:
        first, begin = First(), time.monotonic()
        search = experiment(
            {"GridSearch": GridSearch, "Random": Random}[name](),
            directory,
            name,
            function=score,
            domain=DOMAIN,
            max_trials=count + NEW,
            callbacks=[first],
        )
        search.run(progress=False)
        times[f"resume {name}"] = round(first.began - begin, 2)
        found[f"trials {name}"] = len(Experiment.load(directory, name))
    return found | {"seconds": times}


def _look(count, directory, name, times):
    """All that one asks of a record without going through its trials."""
    with timed(times, "load, best, top, counts, failures"):
        _ask(directory, name)
    tracemalloc.start()
    counts, best = _ask(directory, name)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    with timed(times, "iterate"):
        seen = sum(1 for _ in Experiment.load(directory, name))
    said = {}
    for words in (["list"], ["show", name]):
        command = [sys.executable, "-m", "retiarii", *words, "--directory", str(directory)]
        with timed(times, f"retiarii {words[0]}"):
            said[words[0]] = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {
        "counts": counts == {"completed": count - count // 10, "failed": count // 10},
        "best": best,
        "iterated": seen,
        "peak megabytes": peak / 2**20,
        "said": all("completed" in text for text in said.values()),
    }


def _ask(directory, name):
    history = Experiment.load(directory, name)
    history.top(10)
    history.failures(10)
    assert history.runs
    return dict(history.counts), history.best.metric


if __name__ == "__main__":
    say(many(int(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]))
