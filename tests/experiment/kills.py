"""Searches that are killed again and again: a program, so that the processes are real ones.

usage: kills.py history STRATEGY KILLS DIRECTORY | retries MAX_RETRIES DIRECTORY
prints what was seen as JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from retiarii.domain import Categorical, Domain, Numeric
from retiarii.errors import ExperimentError
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import SequentialEngine
from retiarii.experiment import Experiment
from retiarii.strategies import TPE, GridSearch, Random, RegularizedEvolution
from retiarii.testing import DOMAINS, SampleSpace

CHOICES = [Categorical(f"choice{index}", ("a", "b", "c", "d", "e")) for index in range(4)]
MIXED = [*CHOICES, Numeric("rate", 0.0, 1.0)]


def policy():
    from retiarii.strategies import PolicyBasedRL  # noqa: PLC0415  it takes seconds to load

    return PolicyBasedRL(samples_per_update=8)


STRATEGIES = {
    "Random": (Random, MIXED, 60),
    "GridSearch": (GridSearch, CHOICES, 60),
    "RegularizedEvolution": (lambda: RegularizedEvolution(population_size=8, sample_size=3), MIXED, 60),
    "TPE": (lambda: TPE(first_random=8), MIXED, 60),
    "PolicyBasedRL": (policy, CHOICES, 30),
}
"""By what to search, where, and for how many trials."""


def score(sample):
    """Depends on the sample and on the seed of the trial, and fails now and then."""
    time.sleep(0.002)
    worth = sum(map(ord, json.dumps(sample))) % 97
    if worth % 11 == 0:
        raise ValueError(sample)
    return worth + random.random()  # noqa: S311  no secret


def outcome(trials):
    return [(trial.number, trial.sample, trial.seed, trial.state, trial.metric) for trial in trials]


def child(function):
    """The process that runs `function` with the end of a pipe, and the other end of that."""
    read, write = os.pipe()
    process = os.fork()
    if process:
        os.close(write)
        return process, read
    status = 1
    try:
        os.close(read)
        function(write)
        status = 0
    finally:
        os._exit(status)


def ended(process):
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


class Telling(SequentialEngine):
    """Writes a byte into a pipe whenever a trial begins."""

    def __init__(self, pipe):
        super().__init__()
        self.pipe = pipe

    def advance(self, listen, timeout):
        if self._waiting:
            os.write(self.pipe, b".")
        super().advance(listen, timeout)


class Series:
    """One search after the other, made by the same strategy with the same seed, and killed on the way."""

    def __init__(self, kind, directory):
        self.make, choices, self.count = STRATEGIES[kind]
        self.space = SampleSpace(Domain(choices))
        self.directory = directory

    def run(self, name, pipe):
        evaluator = FunctionalEvaluator(score, argument="sample")
        search = Experiment(
            self.space,
            evaluator,
            self.make(),
            name=name,
            directory=self.directory,
            engine=Telling(pipe),
            max_trials=self.count,
            max_retries=10**6,
            seed=5,
        )
        search.run(progress=False)

    def whole(self):
        """The search that is never killed, in this process: what it loads is there for the others."""
        read, write = os.pipe()
        self.run("whole", write)
        os.close(read)
        os.close(write)
        return self.trials("whole")

    def finish(self, name):
        process, read = child(lambda pipe: self.run(name, pipe))
        with open(read, "rb") as lines:
            lines.read()
        assert ended(process) == 0, "a search did not come to its end"
        return self.trials(name)

    def kill(self, name, trials, delay):
        """Runs on, for so many trials and a moment more."""
        process, read = child(lambda pipe: self.run(name, pipe))
        with open(read, "rb", buffering=0) as lines:
            for _ in range(trials):
                lines.read(1)
            time.sleep(delay)
            os.kill(process, signal.SIGKILL)
        return ended(process) == -signal.SIGKILL

    def trials(self, name):
        return outcome(Experiment.load(self.directory, name))


def history(kind, kills, directory):
    draw = random.Random(kind)  # noqa: S311  no secret
    series = Series(kind, directory)
    whole = series.whole()
    seen = {"kills": 0, "trials": len(whole), "searches": 0, "same": 0, "cut": 0}
    while seen["kills"] < kills:
        name = f"killed{seen['searches']}"
        done = False
        while seen["kills"] < kills and not done:
            done = not series.kill(name, draw.randrange(series.count // 10), draw.random() ** 2 * 0.01)
            seen["kills"] += not done
        with contextlib.suppress(ExperimentError):  # killed before there was a record
            seen["cut"] += sum(trial.interruptions for trial in Experiment.load(directory, name))
        seen["searches"] += 1
        seen["same"] += series.finish(name) == whole
    return seen


def retries(most, directory):
    """A trial that kills its process, until it is given up; the one before it is interrupted by hand as often."""
    flat = DOMAINS["flat"]

    def deadly(sample):
        if sample == {"width": 16, "kernel": 5}:
            os.kill(os.getpid(), signal.SIGKILL)
        return 1.0

    def run(function):
        evaluator = FunctionalEvaluator(function, argument="sample")
        space = SampleSpace(flat)
        options = {"name": "one", "directory": directory, "max_retries": most}
        Experiment(space, evaluator, GridSearch(), **options).run(progress=False)

    def interrupted(sample):
        raise KeyboardInterrupt

    for _ in range(most + 3):
        with contextlib.suppress(KeyboardInterrupt):
            run(interrupted)
    deaths = 0
    while True:
        process, read = child(lambda pipe: run(deadly))
        os.close(read)
        if ended(process) == 0:
            break
        deaths += 1
    trials = Experiment.load(directory, "one").trials
    rows = [(trial.state, trial.interruptions, trial.error) for trial in trials]
    return {"deaths": deaths, "trials": rows}


if __name__ == "__main__":
    what, *rest, where = sys.argv[1:]
    number = int(rest.pop())
    print(json.dumps({"history": history, "retries": retries}[what](*rest, number, Path(where))))
