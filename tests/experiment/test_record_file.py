"""The file of a record, while others look at it, copy it and remove what lies beside it."""

from __future__ import annotations

import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing, contextmanager

import pytest

from retiarii import ExperimentError, Trial
from retiarii.experiment.reader import Reader
from retiarii.experiment.record_file import FILE, make_private, refuse_remains
from retiarii.experiment.records import Records

LOOKS = 30_000

COPIED = """
import sqlite3, sys
from contextlib import closing
with closing(sqlite3.connect(sys.argv[1])) as file, closing(sqlite3.connect(":memory:")) as copy:
    file.backup(copy)
"""
REFUSED = """
import os, signal, sys
from pathlib import Path
from retiarii import ExperimentError
from retiarii.experiment.records import Records
from retiarii.trial import Trial

folder = Path(sys.argv[1])
records = Records(folder)
records.save([Trial(0, {}).running().stopped()])
try:
    Records(folder)
except ExperimentError as error:
    print(error, flush=True)
sys.stdin.readline()
records.save([Trial(1, {}).running().stopped()])
os.kill(os.getpid(), signal.SIGKILL)
"""
COMES_AND_GOES = """
import os, sys
print(flush=True)
while True:
    os.close(os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY))
    os.unlink(sys.argv[1])
"""


def stopped(number):
    return Trial(number, {}).running().stopped()


def copied(folder):
    """Another program looks at a record with the right to write, as `sqlite3 FILE .backup` does."""
    subprocess.run([sys.executable, "-c", COPIED, folder / FILE], check=True)


@contextmanager
def coming_and_going(file):
    """While it is active, another process makes and removes a file, again and again."""
    with subprocess.Popen([sys.executable, "-c", COMES_AND_GOES, file], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


def test_one_that_was_refused_in_the_same_process_takes_nothing_from_the_one_that_writes(tmp_path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", REFUSED, tmp_path], text=True, **pipes) as process:
        assert "is being run by another process" in process.stdout.readline()
        copied(tmp_path)
        process.communicate("go on\n")
    assert process.returncode == -signal.SIGKILL
    assert [trial.number for trial in Reader(tmp_path)] == [0, 1]


def test_a_log_that_was_removed_is_an_error_and_what_it_had_is_kept(tmp_path):
    records = Records(tmp_path)
    records.save([stopped(0)])
    (tmp_path / FILE).read_bytes()  # which gives the locks of this process away
    copied(tmp_path)
    with pytest.raises(ExperimentError, match=rf"{FILE}-wal was removed or replaced while the experiment runs"):
        records.save([stopped(1)])
    assert records.broken
    records.close()
    assert [trial.number for trial in Reader(tmp_path)] == [0, 1]


def test_a_record_that_was_removed_is_an_error(tmp_path):
    with closing(Records(tmp_path)) as records:
        records.save([stopped(0)])
        (tmp_path / FILE).rename(tmp_path / "elsewhere")
        with pytest.raises(ExperimentError, match=rf"{FILE} was removed or replaced while the experiment runs"):
            records.save([stopped(1)])


def test_a_record_may_be_a_link(tmp_path):
    (tmp_path / FILE).symlink_to(tmp_path / "elsewhere")
    for number in range(2):
        with closing(Records(tmp_path)) as records:
            records.save([stopped(number)])
    assert (tmp_path / "elsewhere").is_file()
    assert [trial.number for trial in Reader(tmp_path)] == [0, 1]


def test_a_file_is_made_for_its_owner_alone_and_one_that_is_there_stays(tmp_path):
    file = tmp_path / FILE
    make_private(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("something")
    file.chmod(0o640)
    make_private(file)
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("something", 0o640)


def test_a_log_that_goes_at_any_time_is_no_damage(tmp_path):
    Records(tmp_path).close()
    with coming_and_going(tmp_path / f"{FILE}-wal"):
        for _ in range(LOOKS):
            refuse_remains(tmp_path / FILE)


def test_a_record_that_goes_at_any_time_is_no_damage(tmp_path):
    with coming_and_going(tmp_path / FILE):
        for _ in range(LOOKS):
            refuse_remains(tmp_path / FILE)


def test_who_only_looks_is_not_told_to_start_anything(tmp_path, monkeypatch):
    Records(tmp_path).close()
    for place in ("record_file", "reader"):
        monkeypatch.setattr(f"retiarii.experiment.{place}.PATIENCE", 0.1)
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
        other.execute("pragma locking_mode = exclusive")
        other.execute("begin immediate")
        with pytest.raises(ExperimentError, match=r"has locked it for 0.1 s .* is kept; end that and ask again$"):
            Reader(tmp_path)
