"""A record as those see it who only look."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest

from retiarii import Experiment, ExperimentError, Trial
from retiarii.experiment import History
from retiarii.experiment.lock import is_taken
from retiarii.experiment.plan import Plan
from retiarii.experiment.reader import Reader
from retiarii.experiment.record_file import FILE
from retiarii.experiment.records import Records
from retiarii.testing import DOMAINS

PLAN = Plan.of("Space", DOMAINS["flat"], {"score": "maximize"}, 7)

WRITER = """
import sys, time
from retiarii import Experiment
from retiarii.evaluators import FunctionalEvaluator
from retiarii.strategies import Random
from retiarii.testing import DOMAINS, SampleSpace
evaluator = FunctionalEvaluator(lambda sample: float(len(str(sample))), argument="sample")
search = Experiment(SampleSpace(DOMAINS["large"]), evaluator, Random(), directory=sys.argv[1], name="one", seed=0)
search.run(progress=False)
"""


@pytest.fixture
def records(tmp_path):
    made = Records(tmp_path)
    made.begin(PLAN)
    yield made
    made.close()


def ended(number):
    running = Trial(number, {"width": 16, "kernel": 3}, seed=number).running(host="here", started=number + 0.5)
    if number % 5 == 2:
        return running.failed(f"Traceback\n{number}", ended=number + 0.75)
    if number % 5 == 3:
        return running.reported(9.0).stopped({"score": 9.0})
    return running.completed({"score": float(number * 7 % 4)}, duration=0.25)


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_a_record_answers_like_trials_in_memory(tmp_path, records, direction):
    trials = [*map(ended, range(23)), Trial(23, {}).running(), Trial(24, {}), Trial(25, {}).running().interrupted()]
    records.save(trials)
    objectives = {"score": direction}
    read, held = History(objectives, Reader(tmp_path)), History(objectives, reversed(trials))
    assert read.trials == held.trials == trials
    assert [*read] == trials
    assert {**read.counts} == {**held.counts}
    assert (len(read), read.ended) == (len(held), held.ended) == (26, 23)
    assert (read.best, read[7], read.top(99)) == (held.best, held[7], held.top(99))
    assert read.failures(3) == held.failures(3) == [trials[22], trials[17], trials[12]]
    for history in (read, held):
        with pytest.raises(KeyError):
            history[26]


def test_what_is_in_no_state_is_counted_as_none(tmp_path, records):
    history = History(PLAN.objectives, Reader(tmp_path))
    assert (history.counts["failed"], history.best, history.failures(2), history.plan) == (0, None, [], PLAN)


def test_trials_are_read_one_by_one(tmp_path, records):
    big = "x" * 10_000
    records.save([Trial(number, {"text": big}) for number in range(500)])
    reader = Reader(tmp_path)
    next(iter(reader))
    tracemalloc.start()
    try:
        assert sum(len(trial.sample["text"]) for trial in reader) == 5_000_000
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 500_000


def test_a_look_that_takes_its_time_holds_nothing_up_and_sees_one_moment(tmp_path, records):
    records.save([ended(0), ended(1)])
    looking = iter(Reader(tmp_path))
    assert next(looking) == ended(0)
    records.save([ended(2)])
    assert [*looking] == [ended(1)]
    assert len([*Reader(tmp_path)]) == 3


def test_every_question_is_asked_anew(tmp_path, records):
    history = History(PLAN.objectives, Reader(tmp_path))
    assert len(history) == 0
    records.save([ended(0)])
    assert (len(history), history.best) == (1, ended(0))


def test_runs_say_when_by_whom_and_with_what(tmp_path, records):
    records.start_run({"strategy": {"class": "Random", "arguments": {"ü": [1, None]}}})
    (run,) = Reader(tmp_path).runs()
    assert (run.number, run.pid, run.ended, run.seconds) == (1, os.getpid(), None, 0.0)
    assert run.settings == {"strategy": {"class": "Random", "arguments": {"ü": [1, None]}}}
    records.save([ended(0)])
    (run,) = Reader(tmp_path).runs()
    assert run.seconds == run.seen - run.started >= 0
    records.end_run("it was enough")
    (run,) = Reader(tmp_path).runs()
    assert (run.ending, run.seconds) == ("it was enough", run.ended - run.started)
    assert History(PLAN.objectives, Reader(tmp_path)).seconds == run.seconds


def test_a_clock_that_was_put_back_makes_no_negative_time(tmp_path, records):
    records.start_run({})
    records.end_run("")
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as file:
        file.execute("update run set ended = started - 3600")
    assert History(PLAN.objectives, Reader(tmp_path)).seconds == 0.0


def test_no_record_or_one_that_goes_away_is_one_error(tmp_path, records):
    with pytest.raises(ExperimentError, match=rf"no record of an experiment in .*: {FILE} is missing"):
        Reader(tmp_path / "nowhere")
    reader = Reader(tmp_path)
    records.close()
    (tmp_path / FILE).unlink()
    for question in (reader.counts, reader.plan, reader.runs, lambda: next(iter(reader))):
        with pytest.raises(ExperimentError, match="is missing"):
            question()
    assert not (tmp_path / FILE).exists()


def test_another_process_may_write_meanwhile_and_be_killed(tmp_path):
    folder = tmp_path / "one"
    with subprocess.Popen([sys.executable, "-c", WRITER, tmp_path]) as writer:
        try:
            seen = _look_on(tmp_path, folder, writer)
            assert is_taken(folder)
        finally:
            writer.send_signal(signal.SIGKILL)
    assert not is_taken(folder)
    assert seen == sorted(seen)
    history = Experiment.load(tmp_path, "one")
    assert history.ended >= seen[-1]
    assert [trial.number for trial in history] == list(range(len(history)))
    with closing(sqlite3.connect(folder / FILE)) as file:
        assert file.execute("pragma integrity_check").fetchall() == [("ok",)]


KILLED = """
import os, signal, sys
from pathlib import Path
from retiarii import Trial
from retiarii.experiment.records import Records
records = Records(Path(sys.argv[1]))
records.start_run({})
records.save([Trial(number, {}).running().completed({"score": 1.0}) for number in range(5)])
os.kill(os.getpid(), signal.SIGKILL)
"""
UNPRIVILEGED = """
import os, sys
from pathlib import Path
from retiarii.experiment.lock import is_taken
from retiarii.experiment.reader import Reader
if os.geteuid() == 0:
    os.setuid(65534)
folder = Path(sys.argv[1])
assert not os.access(folder, os.W_OK)
print(len([*Reader(folder)]), is_taken(folder))
"""


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="rights are given away by setuid")
def test_what_a_killed_process_left_is_read_where_nothing_can_be_written():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "one"
        folder.mkdir()
        subprocess.run([sys.executable, "-c", KILLED, folder], check=False)
        assert folder.joinpath(f"{FILE}-wal").exists()
        left = {path: path.read_bytes() for path in folder.iterdir()}
        for path in folder.iterdir():
            path.chmod(0o444)
        Path(name).chmod(0o755)
        folder.chmod(0o555)
        command = [sys.executable, "-c", UNPRIVILEGED, folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        folder.chmod(0o755)
        assert (done.stderr, done.stdout) == ("", "5 False\n")
        assert {path: path.read_bytes() for path in folder.iterdir()} == left


def _look_on(directory, folder, writer):
    """How many trials had ended at each look, until there are fifty."""
    seen = [0]
    while seen[-1] < 50:
        assert writer.poll() is None
        if not (folder / FILE).is_file():
            continue
        history = Experiment.load(directory, "one")
        seen.append(history.ended)
        numbers = [trial.number for trial in history]
        assert numbers == list(range(len(numbers)))
        assert seen[-1] == 0 or history.best.state == "completed"
    return seen
