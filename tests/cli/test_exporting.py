"""`retiarii export`: the best models as files."""

from __future__ import annotations

import json
import sys
from contextlib import closing

import pytest
import torch
from onnx.reference import ReferenceEvaluator
from typer.testing import CliRunner

from retiarii import Experiment
from retiarii.cli.app import app
from retiarii.experiment.plan import Plan
from retiarii.experiment.records import Records
from retiarii.trial import Trial

MODULE = """
import torch

import retiarii.nn as nn
from retiarii import ModelSpace
from retiarii.evaluators import FunctionalEvaluator
from retiarii.strategies import Random


class Small(ModelSpace):
    example_inputs = (torch.zeros(2, 4),)

    def __init__(self, most=8):
        super().__init__()
        width = nn.ValueChoice([2, 4, most], label="width")
        self.hidden, self.head = nn.Linear(4, width), nn.Linear(width, 3)

    def forward(self, inputs):
        return self.head(torch.relu(self.hidden(inputs)))


class Other(Small):
    def __init__(self):
        super().__init__(most=16)


class Mute(Small):
    example_inputs = None


def score(sample, rate=1.0):
    return sample["width"] + rate


def evaluator():
    return FunctionalEvaluator(score, argument="sample", rate=nn.ValueChoice([0.5], label="rate"))
"""

CONFIG = """\
space: {name: small_spaces.Small, arguments: {most: 6}}
evaluator: {name: small_spaces.evaluator}
strategy: Random
name: configured
seed: 0
"""


def entered(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, with a module of spaces and an experiment that was begun by a program."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / "small_spaces.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "search.yaml").write_text(CONFIG, encoding="utf-8")
    import small_spaces  # noqa: PLC0415  it is there only now

    search = Experiment(small_spaces.Small(), small_spaces.evaluator(), small_spaces.Random(), name="first", seed=0)
    search.run(progress=False)
    yield tmp_path
    del sys.modules["small_spaces"]


def test_code_that_runs(folder):
    result = entered("export", "first", "--top", "2", "--space", "small_spaces:Small")
    assert result.exit_code == 0, result.output
    paths = [*(folder / "first-code").iterdir()]
    assert len(paths) == 2
    for path in paths:
        namespace = {"__name__": "exported"}
        exec(compile(path.read_text(encoding="utf-8"), path, "exec"), namespace)  # noqa: S102
        assert namespace["Model"]()(torch.rand(5, 4)).shape == (5, 3)
    assert "the code has no weights" in result.stderr


def test_the_space_of_a_config_is_known(folder):
    assert entered("run", "search.yaml", "--quiet").exit_code == 0
    result = entered("export", "configured", "--output", "there")
    assert result.exit_code == 0, result.output
    (path,) = (folder / "there").iterdir()
    assert "nn.Linear(4, 6)" in path.read_text(encoding="utf-8")


def test_json_needs_no_code(folder):
    (folder / "small_spaces.py").unlink()
    document = json.loads(entered("export", "first", "--top", "5", "--format", "json").stdout)
    assert [document[name] for name in ("format", "version", "experiment", "space")] == [
        *("retiarii-models", 1, "first", "Small")
    ]
    assert document["objectives"] == {"default": "maximize"}
    assert [model["sample"] for model in document["models"]] == [{"width": width, "rate": 0.5} for width in (8, 4, 2)]
    assert document["models"][0]["metrics"] == {"default": 8.5}
    assert entered("export", "first", "--format", "json", "--output", "here").stdout == "here/models.json\n"
    assert len(json.loads((folder / "here" / "models.json").read_text(encoding="utf-8"))["models"]) == 1


@pytest.mark.parametrize("form", ["pt2", "onnx"])
def test_programs_are_loaded_again(folder, form):
    result = entered("export", "first", "--format", form, "--space", "small_spaces:Small")
    assert result.exit_code == 0, result.output
    assert "the weights are fresh: no checkpoint was kept" in result.stderr
    (path,) = (folder / f"first-{form}").iterdir()
    inputs = torch.rand(7, 4)
    if form == "pt2":
        assert torch.export.load(path).module()(inputs).shape == (7, 3)
    else:
        assert ReferenceEvaluator(str(path)).run(None, {"inputs": inputs.numpy()})[0].shape == (7, 3)


def test_weights_that_a_trial_kept_are_taken(folder):
    import small_spaces  # noqa: PLC0415

    space, kept = small_spaces.Small(), folder / "retiarii-experiments" / "kept"
    trained = space.freeze({"width": 4})
    kept.mkdir()
    torch.save({"state_dict": {f"net.{name}": value for name, value in trained.state_dict().items()}}, kept / "1.ckpt")
    with closing(Records(kept)) as records:
        records.begin(Plan.of("Small", space.domain, {"accuracy": "maximize"}, 0))
        trial = Trial(0, {"width": 4}).running()
        records.save([trial.completed({"accuracy": 1.0}, files={"checkpoint": str(kept / "1.ckpt")})])
    words = ("export", "kept", "--space", "small_spaces:Small")
    result = entered(*words, "--format", "pt2")
    assert f"the weights are those of {kept / '1.ckpt'}" in result.stderr
    inputs = torch.rand(5, 4)
    found = torch.export.load(folder / "kept-pt2" / "trial-0.pt2").module()(inputs)
    torch.testing.assert_close(found, trained(inputs))
    assert f"trained ones are in {kept / '1.ckpt'}" in entered(*words).stderr
    (kept / "1.ckpt").unlink()
    assert "the weights are fresh: " in entered(*words, "--format", "pt2", "--force").stderr


def test_files_are_not_overwritten_unasked(folder):
    words = ("export", "first", "--space", "small_spaces:Small", "--output", "here")
    assert entered(*words).exit_code == 0
    (path,) = (folder / "here").iterdir()
    path.write_text("mine")
    again = entered(*words)
    assert again.exit_code == 1
    assert f"here/{path.name} exists; give --force to overwrite" in again.stderr
    assert path.read_text() == "mine"
    assert entered(*words, "--force").exit_code == 0
    assert path.read_text() != "mine"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 1, "say by --space where the space is"),
        (["--space", "small_spaces:Other"], 1, "Other is not the space that was searched, Small: choice 'width': was"),
        (["--space", "small_spaces:Smal"], 2, "did you mean Small?"),
        (["--space", "small_spaces:score"], 2, "the space small_spaces:score"),
        (["--space", "json:dumps"], 2, "the space json:dumps"),
        (["--space", "sys:path"], 2, "sys:path is a list, not a model space"),
        (["--space", "small_spaces:Mute", "--format", "pt2"], 1, "or give --input-shape 1,3,32,32"),
        (["--space", "small_spaces:Small", "--format", "pt2", "--input-shape", "2,5"], 1, "an input of shape (2, 5)"),
        (["--space", "small_spaces:Small", "--format", "pt2", "--input-shape", "2,-4"], 2, "give whole numbers from 1"),
        (["--format", "exe"], 2, "exe"),
        (["--top", "0"], 2, "greater than or equal to 1"),
    ],
)
def test_mistakes_leave_nothing_behind(folder, words, code, said):
    before = sorted(folder.iterdir())
    result = entered("export", "first", *words)
    assert result.exit_code == code
    assert said in result.stderr
    assert "Traceback" not in result.output
    assert [path for path in sorted(folder.iterdir()) if path.name != "__pycache__"] == before


def test_what_no_longer_fits_the_space_is_named_and_left_out(folder):
    assert entered("run", "search.yaml", "-q").exit_code == 0
    words = ("--name", "configured", "--set", "space.most=3", "--anyway", "--set", "max_trials=4")
    assert entered("run", "search.yaml", "-q", *words).exit_code == 0
    none = entered("export", "configured")
    assert none.exit_code == 1
    assert "is not in the space as it is now: 'width' is 6" in none.stderr
    some = entered("export", "configured", "--top", "4")
    assert some.exit_code == 0, some.output
    assert len([*(folder / "configured-code").iterdir()]) == 3
    assert "is not in the space as it is now: 'width' is 6" in some.stderr


def test_a_shape_for_a_space_that_says_none(folder):
    words = ("--space", "small_spaces:Mute", "--format", "pt2", "--input-shape", "1,4")
    assert entered("export", "first", *words).exit_code == 0


def test_nothing_to_export(folder):
    (folder / "retiarii-experiments" / "empty").mkdir()
    Records(folder / "retiarii-experiments" / "empty").close()
    result = entered("export", "empty", "--format", "json")
    assert (result.exit_code, "there is no model to export" in result.stderr) == (1, True)
