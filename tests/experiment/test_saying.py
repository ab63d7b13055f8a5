"""Searches whose readers have gone, or are slow; and trials that the signal for the search hits as well."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys

import pytest

from retiarii import Experiment

SEARCH = """
import subprocess, sys
from retiarii import Experiment
from retiarii.evaluators import FunctionalEvaluator
from retiarii.strategies import GridSearch
from retiarii.testing import DOMAINS, SampleSpace

def score(sample):
    {score}
    return float(sample["width"])

evaluator = FunctionalEvaluator(score, argument="sample")
options = dict(directory=sys.argv[1], name="one", max_trials=int(sys.argv[2]))
Experiment(SampleSpace(DOMAINS["flat"]), evaluator, GridSearch(), **options).run()
"""
WAITS = 'print("begun", flush=True); assert sys.stdin.readline()'
WRITES = 'sys.stderr.write("x" * 1_000_000); sys.stderr.flush()'
STARTS = """child = subprocess.Popen(["sleep", "600"])
    print("begun", flush=True)
    assert child.wait() == 0, f"the child has ended with {child.returncode}"
"""


def program(directory, score, trials):
    return [sys.executable, "-W", "error", "-c", SEARCH.format(score=score), directory, str(trials)]


def started(command, **options):
    return subprocess.Popen(
        command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )


def states(directory):
    return [trial.state for trial in Experiment.load(directory, "one")]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143)])
def test_what_runs_is_finished_though_nobody_reads_that(tmp_path, number, status):
    with started(program(tmp_path, WAITS, 6)) as search:
        search.stdout.readline()
        search.stderr.close()
        search.send_signal(number)
        search.stdin.write("\n" * 6)
        search.stdin.flush()
        search.stdin.close()
        found = search.wait(60)
    assert found == status
    assert states(tmp_path)[0] == "completed"
    assert "failed" not in states(tmp_path)
    assert Experiment.load(tmp_path, "one").runs[0].ending == "it was interrupted"


def test_a_search_ends_well_though_nobody_reads_its_lines(tmp_path):
    with started(program(tmp_path, "pass", 6)) as search:
        search.stderr.close()
        assert search.wait(60) == 0
    assert states(tmp_path) == ["completed"] * 6


def test_a_signal_while_something_is_being_written_does_no_harm(tmp_path):
    with started(program(tmp_path, WRITES, 1)) as search:
        assert search.stderr.read(1) == "x"
        search.send_signal(signal.SIGINT)
        _, said = search.communicate(timeout=60)
    assert states(tmp_path) == ["completed"]
    assert "finishing what runs" in said


def test_a_trial_fails_not_for_good_whose_child_the_signal_has_ended(tmp_path):
    with started(program(tmp_path, STARTS, 1), start_new_session=True) as search:
        search.stdout.readline()
        os.killpg(search.pid, signal.SIGINT)
        _, said = search.communicate(timeout=60)
    assert states(tmp_path) == ["interrupted"]
    assert "the same experiment goes on" in said
    subprocess.run(program(tmp_path, "pass", 1), check=True, capture_output=True)
    assert states(tmp_path) == ["completed"]


def test_a_search_outlives_its_terminal(tmp_path):
    ours, theirs = pty.openpty()
    command = program(tmp_path, WAITS, 1)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=theirs) as search:
        os.close(theirs)
        search.stdout.readline()
        os.close(ours)
        search.stdin.write(b"\n")
        search.stdin.close()
        assert search.wait(60) == 0
    assert states(tmp_path) == ["completed"]
