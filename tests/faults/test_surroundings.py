"""Where a search runs, and what it finds there, is not as it should be: it goes on, or says in a line what is wrong."""

from __future__ import annotations

import os
import resource
import sys
from contextlib import contextmanager

import pytest

from retiarii.domain import Categorical, Domain
from retiarii.errors import ExperimentError
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import ProcessEngine, SequentialEngine
from retiarii.experiment import Experiment
from retiarii.strategies import GridSearch
from retiarii.testing import SampleSpace


def search(directory, engine=None):
    return Experiment(
        SampleSpace(Domain([Categorical("choice", ("a", "b", "c"))])),
        FunctionalEvaluator(len, argument="sample"),
        GridSearch(),
        name="first",
        directory=directory,
        engine=engine,
    )


@pytest.mark.parametrize("engine", [SequentialEngine, ProcessEngine])
def test_the_working_directory_is_gone(tmp_path, monkeypatch, engine):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    experiment = search(tmp_path / "experiments", engine())
    experiment.run(progress=False)
    assert [trial.state for trial in experiment.trials] == ["completed"] * 3


def test_nobody_listens_to_stderr(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)  # as Python has it for a process that was started without one
    experiment = search(tmp_path)
    experiment.run(progress=True)
    assert len(experiment.trials) == 3


def write_text(path):
    path.write_text("not a lock\n" * 100)


def loop(path):
    path.symlink_to(path)


@pytest.mark.parametrize("name", ["running.lock", "log.jsonl"])
def test_a_folder_lies_where_the_experiment_keeps_a_file(tmp_path, name):
    (tmp_path / "first" / name).mkdir(parents=True)
    with pytest.raises(ExperimentError) as error:
        search(tmp_path).run(progress=False)
    assert str(tmp_path / "first" / name) in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["running.lock", "log.jsonl"])
def test_a_text_that_lies_there_is_not_lost(tmp_path, name):
    (tmp_path / "first").mkdir()
    write_text(tmp_path / "first" / name)
    search(tmp_path).run(progress=False)
    assert (tmp_path / "first" / name).read_text().startswith("not a lock\n")


@pytest.mark.parametrize("make", [write_text, loop], ids=["text", "loop"])
@pytest.mark.parametrize("place", [("first",), ()], ids=["experiment", "directory"])
def test_a_folder_is_none(tmp_path, place, make):
    directory = tmp_path / "experiments"
    if place:
        directory.mkdir()
    make(directory.joinpath(*place))
    with pytest.raises(ExperimentError) as error:
        search(directory).run(progress=False)
    assert str(directory) in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    with pytest.raises(ExperimentError):
        Experiment.load(directory, "first")


@contextmanager
def at_most(kind, count):
    """A limit of this process for a while."""
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


def test_no_worker_can_be_started(tmp_path):
    experiment = search(tmp_path, ProcessEngine(20))
    opened = len(os.listdir("/dev/fd"))
    with (
        at_most(resource.RLIMIT_NOFILE, opened + 20),
        pytest.raises(ExperimentError, match="can't be started") as error,
    ):
        experiment.run(progress=False)
    assert "Too many open files" in str(error.value)
    assert len(os.listdir("/dev/fd")) <= opened
    experiment.engine = ProcessEngine(1)
    experiment.run(progress=False)
    assert len(experiment.trials) == 3
