"""Processes that are killed, disks that are full, folders without rights: nothing recorded is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("faults.py")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the faults are made with fork, kill and rlimit")


@pytest.fixture
def directory():
    """One that others may look into, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def seen(*arguments):
    command = [sys.executable, "-W", "error", PROGRAM, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return json.loads(done.stdout)


def test_a_killed_search_goes_on_where_it_stopped(directory):
    found = seen("killed", 60, directory)
    assert (found["kills"], found["lost"], found["changed"]) == (60, 0, 0)
    assert found["ends"] > 0
    assert found["sequences"] == found["ends"], "a resumed search proposed something else than one never killed"


def test_a_full_disk_stops_the_search_and_loses_nothing(directory):
    assert seen("full", 15, directory) == {"stopped": 15, "named": 15, "lost": 0, "finished": 15}


def test_without_rights_nothing_is_trained_and_all_can_be_read(directory):
    found = seen("unprivileged", directory)
    assert found["ran"] == 0
    new, finished = found["said"]
    assert new == f"experiments cannot be recorded in {directory}: Permission denied; choose another directory"
    assert finished == f"{directory / 'finished'} is not writable; choose another directory, or make it so"
    assert found["read"] == 40
    directory.chmod(0o755)
    (directory / "finished").chmod(0o755)
