"""A search that is killed again and again makes the same trials as one that never was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("kills.py")
KILLS = 20

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are made with fork, and killed")


def seen(*arguments):
    command = [sys.executable, "-W", "error", PROGRAM, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("strategy", ["Random", "GridSearch", "RegularizedEvolution", "TPE", "PolicyBasedRL"])
def test_a_killed_search_is_the_same_as_one_that_was_not(tmp_path, strategy):
    if strategy == "PolicyBasedRL":
        pytest.importorskip("tianshou")
    found = seen("history", strategy, KILLS, tmp_path)
    assert found["kills"] == KILLS
    assert found["same"] == found["searches"] > 0


@pytest.mark.parametrize("max_retries", [0, 2])
def test_a_trial_that_takes_its_process_along_is_given_up_after_so_many_times(tmp_path, max_retries):
    found = seen("retries", max_retries, tmp_path)
    attempts = max_retries + 1
    assert found["deaths"] == attempts
    states = [state for state, _, _ in found["trials"]]
    assert states == ["completed", "failed", *["completed"] * 4]
    assert [interruptions for _, interruptions, _ in found["trials"]] == [0, attempts, 0, 0, 0, 0]
    times = "once" if attempts == 1 else f"{attempts} times"
    said = f"given up: it was cut off {times}, in the end because the process that ran it was killed"
    assert found["trials"][1][2].startswith(said)
