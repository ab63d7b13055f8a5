"""What workers start, when they are killed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import psutil
import pytest
from trials import ends_of, jobs, opened

from retiarii.engine import Failed
from retiarii.execution import ProcessEngine

SLEEP = ["sleep", f"600.{os.getpid()}"]

LEADER = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:], start_new_session=True)
os.setuid(65534)
print(child.pid, flush=True)
child.wait()
"""

DENIED = """
import logging, os, psutil, subprocess, sys
from retiarii.execution.process.descendants import kill
logging.basicConfig(format="%(message)s", stream=sys.stdout)
with subprocess.Popen([sys.executable, "-c", *sys.argv[1:]], stdout=-1, text=True, start_new_session=True) as leader:
    print(leader.stdout.readline().strip(), flush=True)
    os.setuid(65534)
    kill(leader.pid)
print(leader.returncode)
"""


def sleeping():
    return [found for found in psutil.process_iter(["cmdline"]) if found.info["cmdline"] == SLEEP]


def test_what_a_trial_starts_again_whenever_it_ends_does_not_outlive_it():
    def start_again():
        while True:
            subprocess.run(SLEEP, start_new_session=True, check=False)

    def evaluate(sample):
        for _ in range(8):
            threading.Thread(target=start_again, daemon=True).start()
        time.sleep(600)

    with opened(ProcessEngine(workers=1, trial_timeout=0.7), evaluate) as engine:
        ends = ends_of(engine, jobs(4))
    left = sleeping()
    for found in left:
        found.kill()
    assert all(isinstance(end, Failed) and end.failure.kind == "time limit" for end in ends.values()), ends
    assert not left


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start what others may not kill")
def test_what_may_not_be_killed_is_said_and_the_rest_is_killed():
    with subprocess.Popen([sys.executable, "-c", DENIED, LEADER, *SLEEP], stdout=subprocess.PIPE, text=True) as program:
        printed = program.communicate(timeout=60)[0].splitlines()
    (left,) = sleeping()
    left.kill()
    warning = f"of what a worker has started, this may not be killed, and runs on: [{left.pid}]"
    assert printed == [str(left.pid), warning, "-9"]
