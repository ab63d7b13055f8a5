"""Ctrl-C and SIGTERM: the exit code, and that the search goes on afterwards."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from retiarii import Experiment
from retiarii.errors import ExperimentError

COMMAND = [sys.executable, "-m", "retiarii"]


def wait_for_trials(number):
    """Until so many trials of the experiment have ended."""
    for _ in range(600):
        with suppress(ExperimentError):
            if Experiment.load("retiarii-experiments", "toy").counts.get("completed", 0) >= number:
                return
        time.sleep(0.05)
    raise AssertionError("the search does not get on")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_search_says_how_to_go_on_and_does(number, code, folder):
    words = ["run", "search.yaml", "--set", "evaluator.seconds=0.2", "--set", "max_trials=40", "--set", "space.most=60"]
    process = subprocess.Popen([*COMMAND, *words], stderr=subprocess.PIPE, text=True)
    try:
        wait_for_trials(2)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == code, said
    assert "retiarii: to go on: retiarii resume toy\n" in said
    assert "Traceback" not in said
    ended = Experiment.load("retiarii-experiments", "toy").counts["completed"]
    assert 2 <= ended < 40
    words = ["resume", "toy", "-q", "--set", f"max_trials={ended + 1}", "--set", "evaluator.seconds=0"]
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False)
    warned = "retiarii: some of the trials were scored by another evaluator; choose another name to begin anew\n"
    assert (done.returncode, done.stderr) == (0, f"{warned}  seconds: was 0.2, is 0\n")
    assert Experiment.load("retiarii-experiments", "toy").counts == {"completed": ended + 1}
