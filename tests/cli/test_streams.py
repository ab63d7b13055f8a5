"""What becomes of a search whose output nobody reads any more, or where there is none."""

from __future__ import annotations

import subprocess
import sys

import pytest

from retiarii import Experiment

COMMAND = [sys.executable, "-m", "retiarii", "run", "search.yaml"]
LOUD = """

def loud(sample):
    print("x" * 10_000, flush=True)
    return 1.0
"""


def states():
    return Experiment.load("retiarii-experiments", "toy").counts


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_search_outlives_the_reader_of_its_output(stream, folder):
    with (folder / "toys.py").open("a", encoding="utf-8") as module:
        module.write(LOUD)
    others = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: subprocess.PIPE}
    with subprocess.Popen([*COMMAND, "--set", "evaluator.function.import=toys.loud"], **others) as process:
        getattr(process, stream).close()
        assert process.wait(60) == 0
    assert states() == {"completed": 6}


def test_a_search_outlives_a_full_disk_under_its_log(folder):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(COMMAND, stdout=full, stderr=full, check=False)
    assert (done.returncode, states()) == (0, {"completed": 6})


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_search_without_streams(closed, folder):
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$@" {closed}', "sh", *COMMAND], capture_output=True, text=True, check=False
    )
    assert (done.returncode, states()) == (0, {"completed": 6})
    assert "Traceback" not in done.stderr
