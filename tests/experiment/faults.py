"""Searches that are killed, or run out of space or rights: a program, so that the processes are real ones.

usage: faults.py killed COUNT DIRECTORY | full COUNT DIRECTORY | unprivileged DIRECTORY
prints what was seen as JSON.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import sys
import time
from pathlib import Path

import numpy as np

import retiarii
from retiarii.domain import Categorical, Domain
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import SequentialEngine
from retiarii.experiment import Experiment
from retiarii.strategies import GridSearch, Random
from retiarii.testing import SampleSpace

TRIALS = 40
DOMAIN = Domain([Categorical(f"choice{index}", ("a", "b", "c", "d")) for index in range(4)])
NOBODY = 65534


def score(sample):
    """Never twice the same, so that a trial that is run again is seen."""
    time.sleep(random.expovariate(1000))
    return int.from_bytes(os.urandom(4))


class Acknowledging(Random):
    """Writes down, in a pipe, each ended trial that it is told for the first time: it has been recorded by then."""

    def __init__(self, pipe):
        super().__init__()
        self.pipe = pipe

    def tell(self, trial):
        super().tell(trial)
        if trial.has_ended:
            os.write(self.pipe, f"{trial.number} {trial.metric!r}\n".encode())


def experiment(strategy, directory, name):
    return Experiment(
        SampleSpace(DOMAIN),
        FunctionalEvaluator(score, argument="sample"),
        strategy,
        name=name,
        directory=directory,
        max_trials=TRIALS,
        seed=0,
    )


def forked(function):
    """The process that runs `function` with the end of a pipe, and the other end."""
    read, write = os.pipe()
    child = os.fork()
    if child:
        os.close(write)
        return child, os.fdopen(read, "rb")
    status = 1
    try:
        os.close(read)
        function(write)
        status = 0
    finally:
        os._exit(status)


def acknowledged(lines):
    """Whole lines only: the last one may be torn."""
    with lines:
        pairs = [line.split() for line in lines.read().splitlines(keepends=True) if line.endswith(b"\n")]
    return {int(number): float(metric) for number, metric in pairs}


def recorded(directory, name):
    if not (directory / name).is_dir() or not any((directory / name).iterdir()):
        return {}
    trials = Experiment.load(directory, name).trials
    return {trial.number: trial.metric for trial in trials if trial.state == "completed"}


def killed(count, directory):
    """Kills a search at random moments, its beginning included, starting anew whenever it is through."""
    draw = np.random.default_rng(0)
    seen = {"kills": 0, "lost": 0, "changed": 0, "ends": 0, "sequences": 0}
    plain = experiment(Random(), directory, "plain")
    plain.run(progress=False)
    for kill in range(count):
        name = f"killed{seen['ends']}"
        known = recorded(directory, name)
        child, lines = forked(lambda pipe, name=name: experiment(Acknowledging(pipe), directory, name).run(False))
        time.sleep(draw.random() * 0.05)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        seen["kills"] += 1
        known |= acknowledged(lines)
        now = recorded(directory, name)
        seen["lost"] += len(known.keys() - now.keys())
        seen["changed"] += sum(now.get(number) != metric for number, metric in known.items())
        if len(now) == TRIALS or kill == count - 1:
            seen["ends"] += 1
            resumed = experiment(Random(), directory, name)
            resumed.run(progress=False)
            same = [trial.sample for trial in resumed.trials] == [trial.sample for trial in plain.trials]
            seen["sequences"] += same and all(trial.state == "completed" for trial in resumed.trials)
            seen["lost"] += sum(resumed.trials[number].metric != metric for number, metric in now.items())
    return seen


def full(count, directory):
    """Runs searches that can't write more than so many bytes to a file, then once more without that."""
    seen = {"stopped": 0, "named": 0, "lost": 0, "finished": 0}
    for turn in range(count):
        name, limit = f"full{turn}", 6_000 + 7_919 * turn

        def limited(pipe, name=name, limit=limit):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            try:
                experiment(Acknowledging(pipe), directory, name).run(progress=False)
            except retiarii.ExperimentError as error:
                os._exit(3 if str(directory / name) in str(error) and "bytes are free" in str(error) else 4)

        child, lines = forked(limited)
        known = acknowledged(lines)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        seen["stopped"] += status in {3, 4}
        seen["named"] += status == 3
        now = recorded(directory, name)
        seen["lost"] += sum(now.get(number) != metric for number, metric in known.items())
        again = experiment(Random(), directory, name)
        again.run(progress=False)
        seen["finished"] += (
            len(again.trials) == TRIALS and now.items() <= {t.number: t.metric for t in again.trials}.items()
        )
    return seen


def unprivileged(directory):
    """What someone without rights to a folder is told, and can read."""
    experiment(GridSearch(), directory, "finished").run(progress=False)
    for path in (directory / "finished", *(directory / "finished").iterdir(), directory):
        path.chmod(0o555 if path.is_dir() else 0o444)
    if os.geteuid() == 0:
        os.setuid(NOBODY)
    ran = []
    said = []
    for name in ("new", "finished"):
        try:
            untried = experiment(GridSearch(), directory, name)
            untried.evaluator = FunctionalEvaluator(ran.append, argument="sample")
            untried.run(progress=False)
        except retiarii.ExperimentError as error:
            said.append(str(error))
    return {"said": said, "ran": len(ran), "read": len(Experiment.load(directory, "finished").trials)}


if __name__ == "__main__":
    SequentialEngine  # noqa: B018  (looked up before the rights to read it are given away)
    kind, *rest, where = sys.argv[1:]
    function = {"killed": killed, "full": full, "unprivileged": unprivileged}[kind]
    print(json.dumps(function(*map(int, rest), Path(where))))
