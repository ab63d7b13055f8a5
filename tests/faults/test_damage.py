"""Records that are damaged, or none: what is read of them is right or refused, and a refused file stays as it is."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from retiarii.errors import ExperimentError
from retiarii.experiment import Experiment

PROGRAM = Path(__file__).with_name("programs") / "graded.py"
SPEC = importlib.util.spec_from_file_location("graded", PROGRAM)
graded = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(graded)

FILE = "experiment.sqlite"


@dataclass(frozen=True)
class Seen:
    """All that can be asked of a record."""

    trials: list
    best: object
    top: list
    failures: list
    counts: dict
    length: int

    @classmethod
    def of(cls, directory, name):
        history = Experiment.load(directory, name)
        assert history.plan is None or history.plan.seed == 0
        assert history.weights == []
        assert all(run.seconds >= 0 for run in history.runs)
        counts = {state: count for state, count in history.counts.items() if count}
        return cls(history.trials, history.best, history.top(3), history.failures(2), counts, len(history))


def outcomes(folder):
    """What trials came to, without what is of a moment."""
    trials = Experiment.load(folder.parent, folder.name).trials
    return [(trial.number, trial.state, trial.sample, trial.metrics) for trial in trials]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a record of twenty trials that nothing has happened to."""
    directory = tmp_path_factory.mktemp("whole")
    graded.search(directory, "first").run(progress=False)
    return directory / "first"


@pytest.fixture(scope="module")
def hot(tmp_path_factory):
    """The same, of a process that was killed when the last trial had been recorded: all is in the write-ahead log."""
    directory = tmp_path_factory.mktemp("hot")
    done = subprocess.run([sys.executable, PROGRAM, directory], check=False)
    assert done.returncode == -signal.SIGKILL
    return directory / "first"


@pytest.fixture
def copy(tmp_path):
    """Copies a folder to where it may be damaged."""

    def fresh(folder):
        shutil.rmtree(tmp_path / "first", ignore_errors=True)
        return Path(shutil.copytree(folder, tmp_path / "first"))

    return fresh


def refusal(folder, function):
    """What is said by a function that refuses a folder, or None; whatever it says, the record stays as it is."""
    record = (folder / FILE).read_bytes() if (folder / FILE).is_file() else None
    try:
        function()
    except ExperimentError as error:
        now = (folder / FILE).read_bytes() if (folder / FILE).is_file() else None
        assert now == record, f"a file was changed that was refused: {error}"
        return str(error)
    return None


def check_right_or_refused(folder, truth):
    """Reads a record, and goes on with it: either works as if nothing had happened, or is refused."""
    directory = folder.parent
    seen = []
    said = refusal(folder, lambda: seen.append(Seen.of(directory, folder.name)))
    assert said is not None or seen == [truth]
    again = graded.search(directory, folder.name)
    refused = refusal(folder, lambda: again.run(progress=False))
    if refused is None:
        seen.clear()
        assert refusal(folder, lambda: seen.append(Seen.of(directory, folder.name))) is not None or seen == [truth]
    return said, refused


def check_refused(folder):
    """Sees that a folder holds nothing to read or to go on with, and that one is told what to do."""
    name, directory = folder.name, folder.parent
    said = refusal(folder, lambda: Seen.of(directory, name))
    refused = refusal(folder, graded.search(directory, name).run)
    assert said is not None and refused is not None
    for text in (said, refused):
        assert str(folder / FILE) in text
    return said, refused


def check_command_line(folder, *, is_refused):
    """`list` and `show` say what there is, or that it is damaged, and end as commands do."""
    from retiarii.cli.app import app  # noqa: PLC0415

    at = ["--directory", str(folder.parent)]
    listed = CliRunner().invoke(app, ["list", *at])
    assert (listed.exit_code, listed.exception) == (0, None), listed.output
    assert ("damaged" in listed.output) == is_refused
    shown = CliRunner().invoke(app, ["show", folder.name, *at])
    assert shown.exit_code == int(is_refused), shown.output
    assert "Traceback" not in shown.output
    assert shown.exception is None or isinstance(shown.exception, SystemExit)


def test_a_record_that_ends_too_early_is_refused(whole, copy):
    truth = Seen.of(whole.parent, whole.name)
    folder = copy(whole)
    size = (folder / FILE).stat().st_size
    for end in range(size - 512, 0, -512):
        os.truncate(folder / FILE, end)
        _, refused = check_right_or_refused(folder, truth)
        assert refused is not None or end > size - 4096
    check_command_line(folder, is_refused=True)


@pytest.mark.filterwarnings("ignore:some of the trials:UserWarning")  # a bit of what is known of the evaluator
@pytest.mark.parametrize("seed", range(3))
def test_flipped_bits_are_refused_or_do_no_harm(whole, copy, seed):
    truth = Seen.of(whole.parent, whole.name)
    draw = np.random.default_rng(seed)
    for _ in range(100):
        folder = copy(whole)
        data = bytearray((folder / FILE).read_bytes())
        place = int(draw.integers(len(data) * 8))
        data[place // 8] ^= 1 << place % 8
        (folder / FILE).write_bytes(data)
        check_right_or_refused(folder, truth)


def with_table(version):
    """The file of another application, with a version of its own."""

    def write(path):
        path.unlink()
        with closing(sqlite3.connect(path)) as file, file:
            file.execute("create table places (id integer primary key, url text)")
            file.execute("insert into places values (1, 'https://example.org')")
            file.execute(f"pragma user_version = {version}")

    return write


def as_folder(path):
    path.unlink()
    path.mkdir()


NO_RECORDS = {
    "text": lambda path: path.write_text("dear diary\n" * 500),
    "few letters": lambda path: path.write_text("x"),
    "nothing, beside a log": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(8192)),
    "a folder": as_folder,
    **{f"another application's, version {version}": with_table(version) for version in (0, 1, 2, 3)},
    "of a newer library": with_table(1000),
}


@pytest.mark.parametrize("kind", NO_RECORDS)
def test_what_is_no_record_is_refused_and_left_alone(whole, copy, kind):
    folder = copy(whole)
    NO_RECORDS[kind](folder / FILE)
    for text in check_refused(folder):
        assert "make room" not in text
    if kind != "a folder":
        check_command_line(folder, is_refused=True)


WRONG = (
    "",
    "{",
    "[]",
    "1",
    "null",
    '"a"',
    "[1e999]",
    '{"default": NaN}',
    '{"default": "x"}',
    '{"default": null}',
    '{"default": {"a": 1}}',
    "[" * 100_000,
    '{"default": 1' + "0" * 5_000 + "}",
)
FITTING = {("intermediates", "[]")}


COLUMNS = ("sample", "metrics", "intermediates", "files")
CASES = [(column, text) for column in COLUMNS for text in WRONG if (column, text) not in FITTING]


@pytest.mark.parametrize(("column", "text"), CASES, ids=lambda part: part[:20] or "empty")
def test_wrong_json_in_trials_is_refused(whole, copy, column, text):
    folder = copy(whole)
    with closing(sqlite3.connect(folder / FILE)) as file, file:
        file.execute(f"update trial set {column} = ? where number = 7", (text,))  # noqa: S608
    check_refused(folder)


PLANS = (
    *WRONG,
    "{}",
    '{"objectives": 1}',
    '{"objectives": {}, "seed": "x", "space": 1, "size": null, "choices": {}}',
    '{"objectives": [], "seed": 1, "space": "", "size": null, "choices": []}',
    '{"objectives": {"default": "up"}, "seed": 1, "space": "", "size": null, "choices": {}}',
)


@pytest.mark.parametrize("text", PLANS, ids=lambda text: text[:40] or "empty")
def test_a_wrong_plan_is_refused(whole, copy, text):
    folder = copy(whole)
    with closing(sqlite3.connect(folder / FILE)) as file, file:
        file.execute("update experiment set plan = ?", (text,))
    check_refused(folder)


def test_the_write_ahead_log_ends_anywhere(hot, copy):
    folder = copy(hot)
    truth = outcomes(hot)
    log = folder / f"{FILE}-wal"
    assert len(truth) == graded.TRIALS
    assert log.stat().st_size > 100_000
    before = graded.TRIALS
    for end in range(log.stat().st_size // 512 * 512, -1, -512):
        os.truncate(log, end)
        now = outcomes(folder)
        completed = [outcome for outcome in now if outcome[1] == "completed"]
        assert completed == truth[: len(completed)]
        assert len(now) - len(completed) <= 1
        assert len(now) <= before
        before = len(now)


def test_a_search_goes_on_from_any_part_of_the_log(hot, copy):
    truth = outcomes(hot)
    size = (hot / f"{FILE}-wal").stat().st_size
    for end in [*range(0, size, size // 30 + 1), size]:
        folder = copy(hot)
        os.truncate(folder / f"{FILE}-wal", end)
        graded.search(folder.parent, folder.name).run(progress=False)
        assert outcomes(folder) == truth


@pytest.mark.parametrize("missing", ["wal", "shm", "wal shm"])
def test_files_beside_the_record_are_missing(hot, copy, missing):
    folder = copy(hot)
    for kind in missing.split():
        (folder / f"{FILE}-{kind}").unlink()
    truth = outcomes(hot)
    assert outcomes(folder) == (truth if missing == "shm" else [])
    graded.search(folder.parent, folder.name).run(progress=False)
    assert outcomes(folder) == truth


def test_an_emptied_record_beside_its_log_is_refused(hot, copy):
    folder = copy(hot)
    os.truncate(folder / FILE, 0)
    log = (folder / f"{FILE}-wal").read_bytes()
    check_refused(folder)
    assert (folder / f"{FILE}-wal").read_bytes() == log, "all trials are in it"
