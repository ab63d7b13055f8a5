"""Disks that are full, folders without rights: nothing recorded is lost, and one is told what to do."""

from __future__ import annotations

import shutil
import subprocess
from functools import partial

import pytest

from retiarii.callback import Callback
from retiarii.domain import Categorical, Domain
from retiarii.errors import ExperimentError
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import ProcessEngine, SequentialEngine
from retiarii.experiment import Experiment
from retiarii.strategies import GridSearch
from retiarii.testing import SampleSpace


@pytest.fixture
def disk(directory):
    """A file system of twelve megabytes."""
    where = directory / "disk"
    where.mkdir()
    mount = [shutil.which("mount"), "-t", "tmpfs", "-o", "size=12m", "none", str(where)]
    if mount[0] is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted")
    yield where
    subprocess.run([shutil.which("umount"), str(where)], check=True)


def test_files_that_may_not_grow_stop_the_search_and_lose_nothing(seen, directory):
    assert seen("full.py", "limit", 15, directory) == {"stopped": 15, "named": 15, "lost": 0, "finished": 15}


@pytest.mark.parametrize(("engine", "times"), [("sequential", 15), ("process", 5)])
def test_a_full_disk_stops_the_search_and_loses_nothing(seen, disk, engine, times):
    found = seen("full.py", "disk", engine, times, disk)
    assert found == {"stopped": times, "named": times, "lost": 0, "finished": times, "torn": 0}


def test_a_full_disk_stops_the_log_or_the_search_and_loses_nothing(seen, disk):
    found = seen("full.py", "log", disk)
    assert found == {"searches": 3, "stopped or through": 3, "named": 3, "lost": 0, "finished": 3}


def test_without_rights_nothing_is_trained_and_all_can_be_read(seen, directory):
    found = seen("unprivileged.py", directory)
    assert found["ran"] == 0
    new, finished = found["said"]
    assert new == f"experiments cannot be recorded in {directory}: Permission denied; choose another directory"
    assert finished == f"{directory / 'finished'} is not writable; choose another directory, or make it so"
    assert found["read"] == 40
    directory.chmod(0o755)
    (directory / "finished").chmod(0o755)


def _remove(folder):
    shutil.rmtree(folder)


def _move(folder):
    folder.rename(folder.with_name("elsewhere"))


def _replace(folder):
    shutil.rmtree(folder)
    folder.mkdir()


def _remove_all(folder):
    shutil.rmtree(folder.parent)


def _remove_file(folder):
    (folder / "experiment.sqlite").unlink()


class After(Callback):
    """Does something to a folder when the sixth trial has ended."""

    def __init__(self, act, folder):
        self.act, self.folder = act, folder
        self.ended = 0

    def on_trial_end(self, trial):
        self.ended += 1
        if trial.number == 5:
            self.act(self.folder)


@pytest.mark.parametrize("act", [_remove, _move, _replace, _remove_all, _remove_file], ids=lambda act: act.__name__)
@pytest.mark.parametrize("engine", [SequentialEngine, partial(ProcessEngine, 1)], ids=["sequential", "process"])
def test_a_record_that_goes_while_it_runs_ends_the_search(tmp_path, act, engine):
    directory = tmp_path / "experiments"
    after = After(act, directory / "first")
    domain = Domain([Categorical("choice", tuple(range(20)))])
    search = Experiment(
        SampleSpace(domain),
        FunctionalEvaluator(lambda sample: 1.0, argument="sample"),
        GridSearch(),
        name="first",
        directory=directory,
        engine=engine(),
        callbacks=[after],
    )
    with pytest.raises(ExperimentError) as error:
        search.run(progress=False)
    assert str(directory / "first") in str(error.value)
    assert after.ended == 6, "trials went on whose outcome lies nowhere"
