"""What an experiment is up to, at the moments when that changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from retiarii.cli.app import app
from retiarii.cli.overview import Standing
from retiarii.experiment import History
from retiarii.experiment.reader import Reader
from retiarii.experiment.record_file import FILE
from retiarii.experiment.records import Records

LOOKS = 300
ENDING = "the limit of 3 trials is reached"

KILLED = """
import os, signal, sys
from pathlib import Path
from retiarii.experiment.records import Records
Records(Path(sys.argv[1])).start_run({})
os.kill(os.getpid(), signal.SIGKILL)
"""
COMES_AND_GOES = """
import os, sys
print(flush=True)
while True:
    os.close(os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY))
    os.unlink(sys.argv[1])
"""


class Meanwhile(Reader):
    """A record with which something happens just when its runs have been read for the first time."""

    def __init__(self, folder, happens):
        super().__init__(folder)
        self.happens = [happens]

    def runs(self):
        found = super().runs()
        while self.happens:
            self.happens.pop()()
        return found


def standing(folder, happens):
    return Standing.of(folder, History({}, Meanwhile(folder, happens)))


@pytest.fixture
def begun(tmp_path):
    records = Records(tmp_path)
    records.start_run({})
    yield records
    records.close()


def test_a_search_that_ends_well_while_it_is_looked_at_was_not_killed(tmp_path, begun):
    def end():
        begun.end_run(ENDING)
        begun.close()

    found = standing(tmp_path, end)
    assert (found.words, found.last) == (f"ended: {ENDING}", Reader(tmp_path).runs()[-1].ended)


def test_a_search_that_begins_while_it_is_looked_at_runs(tmp_path, begun):
    begun.end_run(ENDING)
    begun.close()
    again = []

    def begin():
        again.append(Records(tmp_path))
        again[0].start_run({})

    try:
        found = standing(tmp_path, begin)
    finally:
        again[0].close()
    assert found.words.startswith(f"running by process {os.getpid()} on ")
    assert [run.number for run in found.runs] == [1, 2]


@pytest.mark.parametrize("before", ["killed", "ended"])
def test_a_search_that_has_not_said_yet_who_it_is_runs_under_no_name_of_another(tmp_path, before):
    folder = tmp_path / "one"
    folder.mkdir()
    if before == "killed":
        subprocess.run([sys.executable, "-c", KILLED, folder], check=False)
    else:
        records = Records(folder)
        records.start_run({})
        records.end_run(ENDING)
        records.close()
    records = Records(folder)
    try:
        (listed,) = json.loads(CliRunner().invoke(app, ["list", "--json", "-d", str(tmp_path)]).stdout)
        shown = json.loads(CliRunner().invoke(app, ["show", "one", "--json", "-d", str(tmp_path)]).stdout)
    finally:
        records.close()
    for found in (listed, shown):
        assert (found["state"], found["reason"]) == ("running", None)


def test_files_that_go_at_any_time_do_not_matter(tmp_path):
    folder = tmp_path / "one"
    folder.mkdir()
    subprocess.run([sys.executable, "-c", KILLED, folder], check=False)
    Records(folder).close()  # so that nothing is in the log
    history = History({}, Reader(folder))
    beside = folder / f"{FILE}-wal"
    with subprocess.Popen([sys.executable, "-c", COMES_AND_GOES, beside], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        try:
            found = {Standing.of(folder, history).state for _ in range(LOOKS)}
        finally:
            process.kill()
    assert found == {"interrupted"}
