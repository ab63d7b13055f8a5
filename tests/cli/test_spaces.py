"""`retiarii space`: what there is to choose, in words, as JSON and as a picture."""

from __future__ import annotations

import json
import sys
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from retiarii.cli.app import app

MODULE = """
import retiarii.nn as nn
from retiarii import ModelSpace


class Deep(ModelSpace):
    def __init__(self, width=4):
        super().__init__()
        depth = nn.ValueChoice([1, 2], label="depth")
        self.blocks = nn.Repeat(
            lambda index: nn.LayerChoice([nn.Linear(width, width), nn.Identity()], label=f"[b]{index}"), depth
        )
        self.dropout = nn.Dropout(nn.ValueChoice([0.0, 0.5], label="dropout"))

    def forward(self, inputs):
        return self.dropout(self.blocks(inputs))


def wide():
    return Deep(64)


ready = Deep(8)
broken = lambda: 1 / 0


def leaving():
    raise SystemExit(3)
"""


def entered(*words):
    return CliRunner().invoke(app, ["space", *[str(word) for word in words]])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "deep_spaces.py").write_text(MODULE, encoding="utf-8")
    yield tmp_path
    sys.modules.pop("deep_spaces", None)


@pytest.mark.parametrize("name", ["Deep", "wide", "ready"])
def test_a_class_a_function_and_a_space_itself(folder, name):
    result = entered(f"deep_spaces:{name}")
    assert result.exit_code == 0, result.output
    for said in ("Deep", "4 choices, ", "depth", "1 | 2", "0.0 | 0.5", "[b]0"):
        assert said in result.stdout


def test_a_name_of_the_hub(folder):
    result = entered("NASBench201")
    assert result.exit_code == 0
    assert "15,625" in result.stdout


def test_the_search_space_as_json(folder):
    found = json.loads(entered("deep_spaces.Deep", "--json").stdout)
    assert (found["format"], found["version"], found["space"], found["size"]) == (
        "retiarii-search-space",
        1,
        "Deep",
        12,
    )
    assert found["choices"]["depth"] == {"kind": "Categorical", "candidates": [1, 2]}
    assert found["choices"]["[b]1"]["condition"]
    assert found["constraints"] == []


def test_a_large_space_as_json(folder):
    found = json.loads(entered("retiarii.hub:DARTS.small", "--json").stdout)
    assert found["size"] is None
    assert 22 < found["log10_size"] < 23


def test_a_picture(folder):
    result = entered("deep_spaces:Deep", "--picture", "deep.svg")
    assert result.stdout.endswith("deep.svg\n")
    assert ElementTree.parse(folder / "deep.svg").getroot().tag.endswith("svg")  # noqa: S314  our own file
    assert json.loads(entered("deep_spaces:Deep", "--json", "--picture", "deep.md").stdout)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["DART"], 2, "did you mean DARTS?"),
        (["deep_spaces:Dep"], 2, "did you mean Deep?"),
        (["nowhere:X"], 2, "there is no module nowhere"),
        (["DARTS.small"], 2, "there is no module DARTS; did you mean retiarii.hub:DARTS?"),
        (["deep_spaces"], 2, "deep_spaces is a module; say what is meant in it, as in deep_spaces.Name"),
        (["deep_spaces.leaving"], 2, "deep_spaces.leaving can't be made: SystemExit: 3 ("),
        (["math:pi"], 2, "math:pi is a float, not a model space"),
        (["../deep_spaces"], 2, "is no import path"),
        (["deep_spaces:Deep", "--picture", "deep.png"], 1, ".svg, .mmd and .md are known"),
        (["deep_spaces:Deep", "--picture", "missing/deep.svg"], 1, "missing/deep.svg can't be written"),
    ],
)
def test_mistakes(folder, words, code, said):
    result = entered(*words)
    assert result.exit_code == code
    assert said in result.stderr
    assert "Traceback" not in result.output
