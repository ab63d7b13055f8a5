"""A search of twenty trials whose metrics are always the same. As a program, it is killed when the last is recorded.

usage: graded.py DIRECTORY
"""

from __future__ import annotations

import os
import signal
import sys

from retiarii.domain import Categorical, Domain
from retiarii.evaluators import FunctionalEvaluator
from retiarii.experiment import Experiment
from retiarii.strategies import GridSearch
from retiarii.testing import SampleSpace

TRIALS = 20
DOMAIN = Domain([Categorical(f"choice{index}", ("a", "b", "c")) for index in range(3)])
LETTERS = {"a": 1 / 3, "b": -2.0, "c": 1e-300}


def score(sample):
    return sum(LETTERS[letter] * 10**place for place, letter in enumerate(sample.values()))


def search(directory, name, strategy=None, max_trials=TRIALS):
    evaluator = FunctionalEvaluator(score, argument="sample")
    strategy = GridSearch() if strategy is None else strategy
    named = {"name": name, "directory": directory}
    return Experiment(SampleSpace(DOMAIN), evaluator, strategy, max_trials=max_trials, seed=0, **named)


class Last(GridSearch):
    def tell(self, trial):
        super().tell(trial)
        if trial.has_ended and trial.number == TRIALS - 1:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    search(sys.argv[1], "first", strategy=Last(), max_trials=None).run(progress=False)
