"""Who has the lock of an experiment, as far as its record says."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from retiarii import ExperimentError
from retiarii.experiment.lock import holder
from retiarii.experiment.reader import Reader
from retiarii.experiment.record_file import FILE
from retiarii.experiment.records import Records
from retiarii.experiment.rows import Run

HERE = socket.gethostname()
KILLED = """
import os, signal, sys
from pathlib import Path
from retiarii.experiment.records import Records
Records(Path(sys.argv[1])).start_run({})
os.kill(os.getpid(), signal.SIGKILL)
"""


def refused(folder):
    with pytest.raises(ExperimentError) as caught:
        Records(folder)
    return str(caught.value)


def test_a_process_that_was_killed_is_not_named_for_the_one_that_runs_now(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False)
    with closing(Records(tmp_path)) as records:
        assert "is being run by another process; wait" in refused(tmp_path)
        records.start_run({})
        assert f"is being run by process {os.getpid()} on {HERE}; wait" in refused(tmp_path)


def test_a_process_that_only_has_the_number_of_one_that_was_killed_is_not_named(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False)
    with closing(Records(tmp_path)), closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as file:
        file.execute("update run set pid = ?, started = started - 3600", (os.getpid(),))
        assert holder(Reader(tmp_path).runs()) == ""
        assert "is being run by another process; wait" in refused(tmp_path)


def test_a_process_that_has_ended_but_that_nobody_has_waited_for_is_not_named():
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    try:
        process.stdout.read()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert holder([Run(1, time.time(), pid=process.pid, host=HERE)]) == ""
    finally:
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize(
    ("run", "is_named"),
    [
        (Run(1, time.time(), pid=os.getpid(), host=HERE), True),
        (Run(1, 0.0, pid=7, host="elsewhere"), True),
        (Run(1, 0.0, ended=1.0, ending="enough", pid=7, host="elsewhere"), False),
        (Run(1, time.time(), ended=time.time(), ending="enough", pid=os.getpid(), host=HERE), False),
        (Run(1, time.time()), False),
        (Run(1, time.time(), pid=-7, host=HERE), False),
        (Run(1, time.time(), pid=2**62, host=HERE), False),
    ],
    ids=["here", "elsewhere", "elsewhere and ended", "here and ended", "of an old record", "less than 0", "too large"],
)
def test_only_a_process_that_can_be_the_one_is_named(run, is_named):
    named = f"process {run.pid} on {run.host}" if is_named else ""
    assert holder([Run(1, 0.0, pid=1, host="first"), run]) == named


def test_nobody_is_named_before_the_first_run():
    assert holder([]) == ""
