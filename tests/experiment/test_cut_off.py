"""A search that is cut off by Ctrl-C at any line of its own code."""

from __future__ import annotations

import gc
import random
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from retiarii import Experiment, report_intermediate
from retiarii.evaluators import FunctionalEvaluator
from retiarii.experiment import search
from retiarii.experiment.record_file import FILE
from retiarii.strategies import RegularizedEvolution
from retiarii.testing import DOMAINS, SampleSpace

OURS = str(Path(search.__file__).parent)
OF_THE_PROCESS = ("journal.py", "overhearing.py", "interrupts.py")
"""Loggers and handlers of signals end with the process that is cut off; here it lives on."""

CUTS = 12


class Line:
    """Raises an error at the n-th line that is run of the experiment's own files; counts them."""

    def __init__(self, at=None):
        self.at = at
        self.count = 0

    def __enter__(self):
        self.before = sys.gettrace()
        sys.settrace(self.enter)
        return self

    def __exit__(self, *error):
        sys.settrace(self.before)

    def enter(self, frame, event, argument):
        file = frame.f_code.co_filename
        is_ours = file.startswith(OURS) and not file.endswith(OF_THE_PROCESS)
        return self.line if is_ours and not is_deletion(frame) else None

    def line(self, frame, event, argument):
        if event == "line":
            self.count += 1
            if self.count == self.at:
                raise KeyboardInterrupt
        return self.line


def is_deletion(frame):
    """Whether it is of a `__del__`, out of which no error comes, be it of Ctrl-C."""
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


def experiment(directory, name):
    def score(sample):
        report_intermediate(1.0)
        return float(len(str(sample)))

    evaluator = FunctionalEvaluator(score, argument="sample")
    strategy = RegularizedEvolution(population_size=3, sample_size=2)
    space = SampleSpace(DOMAINS["conditional"])
    return Experiment(space, evaluator, strategy, name=name, directory=directory, seed=3, max_trials=8, max_retries=99)


def outcome(trials):
    return [(trial.number, trial.sample, trial.seed, trial.state, trial.metrics) for trial in trials]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What comes of it where it is not cut off, and how many lines that takes."""
    directory = tmp_path_factory.mktemp("whole")
    experiment(directory, "warm").run(progress=False)
    search = experiment(directory, "whole")
    with Line() as lines:
        search.run(progress=False)
    return outcome(search.trials), lines.count


@pytest.mark.parametrize("turn", range(CUTS))
def test_what_has_ended_is_kept_and_the_rest_is_as_it_would_have_been(tmp_path, whole, turn):
    expected, count = whole
    draw = random.Random(turn)  # noqa: S311  no secret
    kept = []
    while True:
        search = experiment(tmp_path, "one")
        try:
            with Line(draw.randrange(1, count)) as lines:
                search.run(progress=False)
        except KeyboardInterrupt:
            assert lines.count >= lines.at
        gc.collect()  # what was cut off while it was closed
        found = Experiment.load(tmp_path, "one").trials if (tmp_path / "one" / FILE).exists() else []
        ended = [trial for trial in found if trial.has_ended]
        assert ended[: len(kept)] == kept
        kept = ended
        if len(kept) == len(expected):
            break
    experiment(tmp_path, "one").run(progress=False)
    trials = Experiment.load(tmp_path, "one").trials
    assert outcome(trials) == expected
    with closing(sqlite3.connect(tmp_path / "one" / FILE)) as file:
        assert file.execute("pragma integrity_check").fetchall() == [("ok",)]
