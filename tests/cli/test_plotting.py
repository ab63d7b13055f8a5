"""`retiarii plot`: the pictures of a search as files."""

from __future__ import annotations

import sys
from contextlib import closing

import pytest
from typer.testing import CliRunner

from retiarii.cli.app import app
from retiarii.domain import Categorical, Domain
from retiarii.experiment.plan import Plan
from retiarii.experiment.records import Records, WeightsRecord
from retiarii.trial import Trial


def entered(*words):
    return CliRunner().invoke(app, ["plot", *[str(word) for word in words]])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, with an experiment of two objectives that trained a supernet."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "retiarii-experiments" / "first"
    folder.mkdir(parents=True)
    objectives = {"accuracy": "maximize", "latency": "minimize"}
    with closing(Records(folder)) as records:
        records.begin(Plan.of("Space", Domain([Categorical("op", ("a", "b"))]), objectives, 0))
        records.start_run({})
        trials = [Trial(number, {"op": "ab"[number % 2]}).running() for number in range(4)]
        records.save([trial.completed({"accuracy": trial.number, "latency": trial.number}) for trial in trials])
        WeightsRecord(folder)(0, {"op": {"a": 0.25, "b": 0.75}})
    return tmp_path


@pytest.mark.parametrize("kind", ["history", "pareto", "importance", "weights"])
def test_every_picture_is_drawn(folder, kind):
    result = entered("first", "--kind", kind)
    assert (result.exit_code, result.stdout) == (0, f"first-{kind}.png\n"), result.output
    assert (folder / f"first-{kind}.png").read_bytes().startswith(b"\x89PNG")


def test_the_ending_decides_the_format(folder):
    assert entered("first", "--output", "history.svg").exit_code == 0
    assert "<svg" in (folder / "history.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["frist"], "did you mean 'first'?"),
        (["first", "--output", "history.exe"], "history.exe can't be drawn"),
        (["first", "--output", "history"], "history is no file of a picture; give one that ends with .png"),
        (["first", "--output", "."], ". is no file of a picture"),
        (["first", "--output", "missing/history.png"], "missing/history.png can't be written"),
    ],
)
def test_mistakes(folder, words, said):
    result = entered(*words)
    assert result.exit_code == 1
    assert said in result.stderr
    assert [path.name for path in folder.iterdir()] == ["retiarii-experiments"]


def test_what_to_enter_where_there_is_one_objective(folder):
    second = folder / "retiarii-experiments" / "second"
    second.mkdir()
    with closing(Records(second)) as records:
        records.begin(Plan.of("Space", Domain([Categorical("op", ("a", "b"))]), {"accuracy": "maximize"}, 0))
    result = entered("second", "--kind", "pareto")
    assert result.exit_code == 1
    assert "use --kind history" in result.stderr


def test_what_a_font_lacks_is_said_in_a_line(folder):
    second = folder / "retiarii-experiments" / "second"
    second.mkdir()
    with closing(Records(second)) as records:
        records.begin(Plan.of("Space", Domain([Categorical("漢", ("a", "b"))]), {"default": "maximize"}, 0))
        records.start_run({})
        trials = [Trial(number, {"漢": "ab"[number % 2]}).running() for number in range(4)]
        records.save([trial.completed({"default": trial.number}) for trial in trials])
    result = entered("second", "--kind", "importance")
    assert (result.exit_code, result.stdout) == (0, "second-importance.png\n")
    assert [line[:16] for line in result.stderr.splitlines()] == ["retiarii: Glyph "]


def test_without_matplotlib_the_way_out_is_said(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = entered("first")
    assert result.exit_code == 1
    assert "pip install 'retiarii[plot]'" in result.stderr
