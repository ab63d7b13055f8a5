"""What trials print, where the pipe that they print into is not as it was."""

from __future__ import annotations

import sys
import time

from accidents import fill_pipe
from trials import ends_of, jobs, opened

from retiarii.engine import Completed
from retiarii.execution import ProcessEngine


def test_a_pipe_that_lets_nobody_wait_harms_no_trial(tmp_path):
    def evaluate(sample):
        if sample["width"] % 3 < 2:
            return fill_pipe(sample)
        for number in range(20):
            print(number, "y" * 100_000)
        return 1.0

    ends = {}
    with opened(ProcessEngine(workers=1), evaluate, folder=tmp_path) as engine:
        for number in range(6):
            engine.submit(jobs(1, number))
            time.sleep(0.2)  # so that nobody reads before it ends
            ends |= ends_of(engine, [], many=1)
    assert all(isinstance(end, Completed) for end in ends.values()), ends
    for number in range(6):
        printed = (tmp_path / str(number) / "output.txt").read_text()
        assert printed.strip("\n")[-60_000:] == ("y" if number % 3 == 2 else "x") * 60_000


def test_what_python_has_not_written_yet_belongs_to_its_trial(tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)

    def evaluate(sample):
        if sample["width"] == 0:
            sys.stdout.write("early")
            fill_pipe(sample)
        return 1.0

    with opened(ProcessEngine(workers=1), evaluate, folder=tmp_path) as engine:
        engine.submit(jobs(1))
        time.sleep(0.2)  # so that nobody reads before it ends
        ends_of(engine, jobs(1, 1), many=2)
    assert (tmp_path / "0" / "output.txt").read_text().endswith("xearly")
    assert not (tmp_path / "1").exists()
