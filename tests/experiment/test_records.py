"""The SQLite file of an experiment."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from retiarii import ExperimentError, Trial
from retiarii.experiment.lock import is_taken
from retiarii.experiment.plan import Plan
from retiarii.experiment.reader import Reader
from retiarii.experiment.record_file import FILE
from retiarii.experiment.records import Records
from retiarii.experiment.schema import VERSION
from retiarii.testing import DOMAINS

PLAN = Plan.of("Space", DOMAINS["conditional"], {"accuracy": "maximize", "latency": "minimize"}, 2**62)
RUNNING = Trial(0, {"width": 16, "inputs": [0, 2], "act": None}, seed=2**32 - 1).running(host="here", started=1.5)
COMPLETED = (
    RUNNING.reported(0.25)
    .reported({"loss": 1.0})
    .completed(
        {"latency": 0.1 + 0.2, "accuracy": 1e-300}, ended=2.5, duration=1.0, files={"checkpoint": "/folder/ü.ckpt"}
    )
)


@pytest.fixture
def records(tmp_path):
    made = Records(tmp_path)
    yield made
    made.close()


def _assert_empty(reader):
    assert (reader.plan(), [*reader], reader.weights(), reader.runs()) == (None, [], [], [])
    assert reader.counts().total() == 0


def _plan(folder):
    return Reader(folder).plan()


def test_what_was_saved_is_read(tmp_path, records):
    failed = Trial(1, {"width": 32}).running().failed('line one\nline "two" \0 ü 😀', ended=3.0, duration=0.5)
    assert records.plan() is None
    records.begin(PLAN)
    records.save([COMPLETED, failed, Trial(2, {"width": 64})])
    assert (records.plan(), [*records.trials()]) == (PLAN, [COMPLETED, failed, Trial(2, {"width": 64})])
    read = Reader(tmp_path)
    assert (read.plan(), [*read], read.weights()) == (PLAN, [*records.trials()], [])
    assert list(next(records.trials()).metrics) == ["latency", "accuracy"]


def test_kept_files_move_with_the_record(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    records = Records(old)
    files = {"checkpoint": str(old / "trials" / "0" / "a.ckpt"), "other": "/elsewhere/b.ckpt", "far": "s3://c/d.ckpt"}
    records.save([Trial(0, {}).running().stopped(files=files)])
    assert next(records.trials()).files == files
    records.close()
    old.rename(new)
    assert Reader(new).trial(0).files == {**files, "checkpoint": str(new / "trials" / "0" / "a.ckpt")}


def test_ended_trials_come_first_in_the_order_in_which_they_ended(records):
    trials = [Trial(number, {"width": 16}).running() for number in range(5)]
    records.save(trials)
    for number in (3, 1):
        records.save([trials[number].stopped()])
    assert [trial.number for trial in records.trials()] == [3, 1, 0, 2, 4]


def test_the_order_goes_on_after_reopening(tmp_path):
    records = Records(tmp_path)
    records.save([Trial(number, {}).running() for number in range(4)])
    records.close()
    for number in (3, 1, 2):
        records = Records(tmp_path)
        records.save([Trial(number, {}).running().stopped()])
        records.close()
    records = Records(tmp_path)
    assert [trial.number for trial in records.trials()] == [3, 1, 2, 0]
    records.close()
    assert [trial.number for trial in Reader(tmp_path)] == [0, 1, 2, 3]


def test_an_ended_trial_is_never_overwritten(records):
    records.save([COMPLETED])
    records.save([RUNNING.interrupted()])
    assert [*records.trials()] == [COMPLETED]


def test_several_trials_are_saved_all_or_none(records):
    unusable = Trial(1, {"width": float("nan")})
    with pytest.raises(ExperimentError, match="Out of range float values"):
        records.save([RUNNING, unusable])
    assert [*records.trials()] == []


def test_what_began_and_recorded_nothing_is_empty(tmp_path):
    (tmp_path / FILE).touch()
    _assert_empty(Reader(tmp_path))
    Records(tmp_path).close()
    _assert_empty(Reader(tmp_path))


def test_what_was_killed_while_it_was_made_is_empty(tmp_path):
    torn = """
import os, signal, sqlite3, sys
file = sqlite3.connect(sys.argv[1], isolation_level=None)
file.execute("pragma cache_size = 1")
file.execute("begin")
file.execute("create table half (made)")
file.executemany("insert into half values (?)", [("x" * 4000,)] * 100)
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", torn, tmp_path / FILE], check=False)
    assert (tmp_path / f"{FILE}-journal").stat().st_size > 0
    _assert_empty(Reader(tmp_path))


def test_it_can_be_read_while_it_is_written(tmp_path, records):
    records.begin(PLAN)
    for number in range(3):
        records.save([Trial(number, {})])
        assert len([*Reader(tmp_path)]) == number + 1


def test_no_record_is_an_error_that_says_where(tmp_path):
    with pytest.raises(ExperimentError, match=rf"no record of an experiment in {tmp_path}: {FILE} is missing"):
        Reader(tmp_path)


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough for a header" * 9, b"SQLite format 3\0" + b"\1" * 900]
)
def test_a_file_that_is_no_record_is_refused_and_kept(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    for opened in (_plan, Records):
        with pytest.raises(ExperimentError, match=rf"{FILE} is damaged, or no record of an experiment"):
            opened(tmp_path)
    assert (tmp_path / FILE).read_bytes() == content


@pytest.mark.parametrize("statement", ["update trial set sample = '{'", "update trial set metrics = '7,'"])
def test_a_damaged_row_is_refused(tmp_path, records, statement):
    records.save([COMPLETED])
    with sqlite3.connect(tmp_path / FILE) as file:
        file.execute(statement)
    file.close()
    with pytest.raises(ExperimentError, match="is damaged"):
        [*Reader(tmp_path)]


@pytest.mark.parametrize("part", [0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused_and_kept(tmp_path, part):
    path = _filled(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    before = path.read_bytes()
    said = rf"(?s){FILE} is damaged, or no record of an experiment: .* Restore it from a copy, or save what can be read"
    with pytest.raises(ExperimentError, match=said):
        Records(tmp_path)
    assert path.read_bytes() == before
    assert not path.with_name(f"{FILE}-wal").exists()


def test_a_page_that_was_overwritten_is_refused_and_kept(tmp_path):
    path = _filled(tmp_path)
    content = bytearray(path.read_bytes())
    content[8 * 4096 : 9 * 4096] = b"\xff" * 4096
    path.write_bytes(content)
    with pytest.raises(ExperimentError, match=rf"{FILE} is damaged, or no record of an experiment"):
        Records(tmp_path)
    assert path.read_bytes() == content


def test_a_file_that_lacks_its_last_bytes_is_refused(tmp_path):
    path = _filled(tmp_path)
    path.write_bytes(path.read_bytes()[:-150])
    said = rf"{FILE} is damaged, or no record of an experiment"
    with pytest.raises(ExperimentError, match=said), closing(Records(tmp_path)) as records:
        [*records.trials()]


def _filled(folder):
    """The file of a record with many trials, all of them in it."""
    records = Records(folder)
    records.begin(PLAN)
    records.save([Trial(number, {"width": 16, "text": "x" * 300}) for number in range(300)])
    records.close()
    assert sorted(path.name for path in folder.iterdir()) == [FILE, "running.lock"]
    return folder / FILE


def test_a_record_of_a_newer_version_is_refused(tmp_path):
    Records(tmp_path).close()
    file = sqlite3.connect(tmp_path / FILE)
    file.execute("pragma user_version = 7")
    file.close()
    for opened in (_plan, Records):
        said = rf"{FILE} was written by a newer version .*\(format 7, known here up to {VERSION}\); update"
        with pytest.raises(ExperimentError, match=said):
            opened(tmp_path)


def test_one_process_at_a_time(tmp_path, records):
    records.begin(PLAN)
    records.start_run({})
    said = f"{tmp_path} is being run by process {os.getpid()} on {socket.gethostname()}; wait for its end"
    with pytest.raises(ExperimentError, match=re.escape(said)):
        Records(tmp_path)
    records.close()
    Records(tmp_path).close()


def test_a_lock_of_a_process_that_is_gone_is_taken_over(tmp_path):
    code = """
import os, signal, sys
from pathlib import Path
from retiarii.experiment.records import Records
Records(Path(sys.argv[1])).start_run({})
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code, tmp_path], check=False).returncode == -signal.SIGKILL
    assert not is_taken(tmp_path)
    records = Records(tmp_path)
    assert is_taken(tmp_path)
    records.start_run({})
    records.close()
    assert [run.number for run in Reader(tmp_path).runs()] == [1, 2]


def test_to_ask_whether_it_is_taken_changes_nothing(tmp_path):
    assert not is_taken(tmp_path)
    assert not [*tmp_path.iterdir()]


def test_a_failed_write_is_remembered(tmp_path, records):
    assert not records.broken
    records.save([COMPLETED])
    assert not records.broken
    with pytest.raises(ExperimentError):
        records.save([Trial(1, {"width": float("nan")})])
    assert records.broken
    assert [*records.trials()] == [COMPLETED]


def test_what_is_known_of_all_trials_is_asked_of_the_file(tmp_path, records):
    assert (records.counts(), records.best("maximize")) == ({}, None)
    trials = [Trial(number, {}).running().completed({"score": score}) for number, score in enumerate([1.0, 3.0, 3.0])]
    records.save([*trials, Trial(3, {}).running().stopped({"score": 9.0}), Trial(4, {})])
    assert records.counts() == {"completed": 3, "stopped": 1, "waiting": 1}
    assert (records.best("maximize"), records.best("minimize")) == (trials[1], trials[0])


def test_the_count_of_interruptions_is_kept(records):
    lost = RUNNING.interrupted(lost=True)
    records.save([lost])
    assert [*records.trials()] == [lost]
    assert lost.interruptions == 1


def test_a_machine_that_loses_power_keeps_what_has_ended(tmp_path, records):
    modes = []
    records._file.set_trace_callback(modes.append)
    records.save([RUNNING])
    records.save([COMPLETED])
    assert [mode for mode in modes if "synchronous" in mode] == [
        "pragma synchronous = normal",
        "pragma synchronous = full",
    ]
    (journal,) = records._file.execute("pragma journal_mode").fetchone()
    assert journal == "wal"


def test_a_file_that_another_program_has_locked_is_said_to_be(records, tmp_path, monkeypatch):
    records.close()
    monkeypatch.setattr("retiarii.experiment.record_file.PATIENCE", 0.1)
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other, closing(Records(tmp_path)) as again:
        other.execute("begin immediate")
        with pytest.raises(ExperimentError, match=r"another program has locked it for 0.1 s .*; end that and start"):
            again.start_run({})
        assert again.broken
