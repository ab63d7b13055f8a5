"""Records of every version of the schema, as they were written then."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from retiarii import Experiment, ExperimentError
from retiarii.evaluators import FunctionalEvaluator
from retiarii.experiment.reader import Reader
from retiarii.experiment.record_file import FILE
from retiarii.experiment.records import Records
from retiarii.experiment.schema import VERSION
from retiarii.experiment.weights import EpochWeights
from retiarii.strategies import Random
from retiarii.testing import DOMAINS, SampleSpace

STORED = Path(__file__).with_name("records")
VERSIONS = range(1, VERSION + 1)
STATES = ["completed"] * 4 + ["running", "waiting"]

UNPRIVILEGED = """
import json, os, sys
from pathlib import Path
from retiarii.experiment.reader import Reader
if os.geteuid() == 0:
    os.setuid(65534)
assert not os.access(sys.argv[1], os.W_OK)
print(json.dumps([[trial.number, trial.state, trial.metric] for trial in Reader(Path(sys.argv[1]))]))
"""


def old(directory, name="old"):
    """The search that all stored records are of."""

    def score(sample):
        return sample["width"] / sample["kernel"]

    evaluator = FunctionalEvaluator(score, argument="sample")
    return Experiment(SampleSpace(DOMAINS["flat"]), evaluator, Random(), name=name, directory=directory, seed=2)


def outcome(trials):
    return [(trial.number, trial.sample, trial.seed, trial.metric) for trial in trials]


def schema(path):
    """The tables and indices of a file, but for blanks."""
    with closing(sqlite3.connect(path)) as file:
        (version,) = file.execute("pragma user_version").fetchone()
        rows = file.execute("select type, name, tbl_name, sql from sqlite_master order by type, name").fetchall()
    return version, [(*row[:3], "".join((row[3] or "").split())) for row in rows]


def placed(folder, version):
    folder.mkdir(parents=True)
    shutil.copyfile(STORED / f"version{version}.sqlite", folder / FILE)
    return folder


def test_every_version_has_a_stored_file():
    assert sorted(path.name for path in STORED.iterdir()) == [f"version{version}.sqlite" for version in VERSIONS]
    assert [schema(STORED / f"version{version}.sqlite")[0] for version in VERSIONS] == [*VERSIONS]


@pytest.mark.parametrize("version", VERSIONS)
def test_is_read_as_it_is(tmp_path, version):
    folder = placed(tmp_path / "old", version)
    before = (folder / FILE).read_bytes()
    reader = Reader(folder)
    trials = [*reader]
    assert [trial.state for trial in trials] == STATES
    assert [trial.intermediates for trial in trials[:4]] == [(8.0,), (32.0,), (16.0,), (8.0,)]
    assert (reader.counts(), reader.trial(4)) == ({"completed": 4, "running": 1, "waiting": 1}, trials[4])
    assert [trial.number for trial in reader.best(2, "maximize")] == [1, 2]
    assert (trials[4].host, trials[4].interruptions, reader.failures(1)) == ("gone", 0, [])
    assert reader.weights() == ([] if version == 1 else [EpochWeights(0, {"width": {16: 0.5, 32: 0.25, 64: 0.25}})])
    assert reader.plan().objectives == {"default": "maximize"}
    assert reader.plan().one_shot is None
    (run,) = reader.runs()
    assert run.number == 1
    assert run.seconds == pytest.approx(trials[3].ended - run.started, abs=0.1)
    history = Experiment.load(tmp_path, "old")
    assert (history.best, history.trials) == (trials[1], trials)
    assert (folder / FILE).read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="rights are given away by setuid")
@pytest.mark.parametrize("version", VERSIONS)
def test_is_read_in_a_folder_where_nothing_can_be_written(version):
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        folder = placed(Path(name) / "old", version)
        (folder / FILE).chmod(0o444)
        folder.chmod(0o555)
        before = (folder / FILE).read_bytes()
        done = subprocess.run(
            [sys.executable, "-c", UNPRIVILEGED, folder], capture_output=True, text=True, check=False, cwd="/"
        )
        folder.chmod(0o755)
        assert not done.stderr
        assert [row[1] for row in json.loads(done.stdout)] == STATES
        assert (folder / FILE).read_bytes() == before
        assert os.listdir(folder) == [FILE]


@pytest.mark.parametrize("version", VERSIONS)
def test_is_brought_up_to_date_and_searched_to_the_end(tmp_path, version):
    folder = placed(tmp_path / "old", version)
    before = [*Reader(folder)]
    records = Records(folder)
    migrated = {trial.number: trial for trial in records.trials()}
    records.close()
    assert [migrated[number] for number in range(6)] == before
    search = old(tmp_path)
    search.run(progress=False)
    whole = old(tmp_path, "whole")
    whole.run(progress=False)
    assert outcome(search.trials) == outcome(whole.trials)
    assert [trial.state for trial in search.trials] == ["completed"] * 6
    assert search.trials[:4] == before[:4]
    assert [trial.interruptions for trial in search.trials] == [0, 0, 0, 0, 1, 0]
    assert [run.number for run in Experiment.load(tmp_path, "old").runs] == [1, 2]
    assert schema(folder / FILE) == schema(tmp_path / "whole" / FILE)


def test_a_record_without_a_search_is_brought_up_to_date(tmp_path):
    folder = placed(tmp_path / "old", 1)
    with closing(sqlite3.connect(folder / FILE)) as file:
        file.executescript("delete from trial; delete from experiment;")
    Records(folder).close()
    reader = Reader(folder)
    assert (reader.plan(), reader.runs(), [*reader]) == (None, [], [])


def test_a_newer_version_is_refused_and_kept(tmp_path):
    folder = placed(tmp_path / "old", VERSION)
    with closing(sqlite3.connect(folder / FILE)) as file:
        file.execute(f"pragma user_version = {VERSION + 1}")
    before = (folder / FILE).read_bytes()
    said = rf"{FILE} was written by a newer version of retiarii \(format {VERSION + 1}, known here up to {VERSION}\)"
    with pytest.raises(ExperimentError, match=said):
        Experiment.load(tmp_path, "old")
    with pytest.raises(ExperimentError, match=said):
        old(tmp_path).run(progress=False)
    assert (folder / FILE).read_bytes() == before


def test_a_migration_that_is_cut_off_leaves_the_old_version(tmp_path):
    folder = placed(tmp_path / "old", 2)
    before = schema(folder / FILE)
    with closing(sqlite3.connect(folder / FILE)) as file:
        file.execute("create table run (in_the_way)")
    with pytest.raises(ExperimentError, match="table run already exists"):
        Records(folder)
    with closing(sqlite3.connect(folder / FILE)) as file:
        file.execute("drop table run")
    assert schema(folder / FILE) == before
    Records(folder).close()
    assert schema(folder / FILE)[0] == VERSION
