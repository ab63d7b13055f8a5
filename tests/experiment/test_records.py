"""The SQLite file of an experiment."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import pytest

from retiarii import ExperimentError, Trial
from retiarii.experiment.plan import Plan
from retiarii.experiment.records import FILE, Recorded, Records, WeightsRecord, read
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


def test_what_was_saved_is_read(tmp_path, records):
    failed = Trial(1, {"width": 32}).running().failed('line one\nline "two" \0 ü 😀', ended=3.0, duration=0.5)
    assert records.plan() is None
    records.begin(PLAN)
    records.save([COMPLETED, failed, Trial(2, {"width": 64})])
    assert read(tmp_path) == Recorded(PLAN, [COMPLETED, failed, Trial(2, {"width": 64})], [])
    assert records.trials() == read(tmp_path).trials
    assert list(records.trials()[0].metrics) == ["latency", "accuracy"]


def test_kept_files_move_with_the_record(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    records = Records(old)
    files = {"checkpoint": str(old / "trials" / "0" / "a.ckpt"), "other": "/elsewhere/b.ckpt", "far": "s3://c/d.ckpt"}
    records.save([Trial(0, {}).running().stopped(files=files)])
    assert records.trials()[0].files == files
    records.close()
    old.rename(new)
    assert read(new).trials[0].files == {**files, "checkpoint": str(new / "trials" / "0" / "a.ckpt")}


def test_ended_trials_come_first_in_the_order_in_which_they_ended(records):
    trials = [Trial(number, {"width": 16}).running() for number in range(5)]
    records.save(trials)
    for number in (3, 1):
        records.save([trials[number].stopped()])
    assert [trial.number for trial in records.trials()] == [3, 1, 0, 2, 4]


def test_the_order_goes_on_after_reopening(tmp_path):
    for number in (3, 1, 2):
        records = Records(tmp_path)
        records.save([Trial(number, {}).running().stopped()])
        records.close()
    assert [trial.number for trial in read(tmp_path).trials] == [3, 1, 2]


def test_an_ended_trial_is_never_overwritten(records):
    records.save([COMPLETED])
    records.save([RUNNING.interrupted()])
    assert records.trials() == [COMPLETED]


def test_several_trials_are_saved_all_or_none(records):
    unusable = Trial(1, {"width": float("nan")})
    with pytest.raises(ExperimentError, match="Out of range float values"):
        records.save([RUNNING, unusable])
    assert records.trials() == []


def test_what_began_and_recorded_nothing_is_empty(tmp_path):
    (tmp_path / FILE).touch()
    assert read(tmp_path) == Recorded()
    Records(tmp_path).close()
    assert read(tmp_path) == Recorded(None, [], [])


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
    assert read(tmp_path) == Recorded()


def test_it_can_be_read_while_it_is_written(tmp_path, records):
    records.begin(PLAN)
    for number in range(3):
        records.save([Trial(number, {})])
        assert len(read(tmp_path).trials) == number + 1


def test_no_record_is_an_error_that_says_where(tmp_path):
    with pytest.raises(ExperimentError, match=rf"no record of an experiment in {tmp_path}: {FILE} is missing"):
        read(tmp_path)


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough for a header" * 9, b"SQLite format 3\0" + b"\1" * 900]
)
def test_a_file_that_is_no_record_is_refused_and_kept(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    for opened in (read, Records):
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
        read(tmp_path)


def test_a_record_of_a_newer_version_is_refused(tmp_path):
    Records(tmp_path).close()
    file = sqlite3.connect(tmp_path / FILE)
    file.execute("pragma user_version = 7")
    file.close()
    for opened in (read, Records):
        with pytest.raises(ExperimentError, match=r"written by a newer version .*\(format 7, known here up to 2\)"):
            opened(tmp_path)


FIRST_VERSION = """
create table experiment (one integer primary key check (one = 1), created real not null, plan text not null,
    runner text not null) strict;
create table trial (number integer primary key, state text not null, sample text not null, metrics text not null,
    intermediates text not null, error text, seed integer not null, started real, ended real, duration real, host text,
    ending integer unique) strict;
insert into experiment values (1, 1.0, '{"objectives": {"accuracy": "maximize"}, "seed": 3, "space": "Space", "size": 2,
    "choices": {"width": {"kind": "Categorical", "candidates": [16, 32]}}, "constraints": []}', 'process 1 on here');
insert into trial values
    (0, 'completed', '{"width": 16}', '{"accuracy": 0.5}', '[]', null, 3, 1.0, 2.0, 1.0, 'here', 1);
insert into trial values (1, 'waiting', '{"width": 32}', '{}', '[]', null, 4, null, null, null, null, null);
pragma user_version = 1;
"""


def test_a_record_of_the_first_version_is_read_as_it_is_and_gone_on_with(tmp_path):
    with sqlite3.connect(tmp_path / FILE) as file:
        file.executescript(FIRST_VERSION)
    file.close()
    before = (tmp_path / FILE).read_bytes()
    seen = read(tmp_path)
    assert (tmp_path / FILE).read_bytes() == before
    assert [trial.state for trial in seen.trials] == ["completed", "waiting"]
    assert seen.plan is not None
    assert seen.plan.one_shot is None
    assert not seen.weights
    records = Records(tmp_path)
    assert records.trials() == seen.trials
    records.save([seen.trials[1].running().completed({"accuracy": 1.0})])
    WeightsRecord(tmp_path)(0, {"width": {16: 0.5}})
    records.close()
    assert len(read(tmp_path).weights) == 1
    assert [trial.metric for trial in read(tmp_path).trials] == [0.5, 1.0]


def test_one_process_at_a_time(tmp_path, records):
    records.begin(PLAN)
    with pytest.raises(ExperimentError, match=rf"{tmp_path} is being run by process \d+ on"):
        Records(tmp_path)
    records.close()
    Records(tmp_path).close()


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
