"""The configs among the examples: each is run for a moment, and there is one for every strategy."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import retiarii.strategies
from retiarii.cli.app import app
from retiarii.strategies import Middleware

CONFIGS = sorted((Path(__file__).resolve().parent.parent.parent / "examples" / "configs").glob("*.yaml"))
NO_STRATEGIES = {"Middleware", "Penalty"}
ALIASES = {"SPOS": "RandomOneShot", "FBNet": "GumbelDARTS"}
SHORT = {
    "FunctionalEvaluator": ["evaluator.steps=1"],
    "Classification": ["evaluator.max_epochs=1", "evaluator.limit_train_batches=2", "evaluator.limit_val_batches=1"],
}


def settings_for(config):
    found = yaml.safe_load(config.read_text(encoding="utf-8"))
    short = [*SHORT[found["evaluator"]["name"]], "max_trials=2"]
    return [*short, "engine=SequentialEngine"] if "engine" in found else short


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.stem)
def test_example_runs(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    settings = [word for setting in settings_for(config) for word in ("--set", setting)]
    result = CliRunner().invoke(app, ["run", str(config), "--quiet", *settings])
    assert result.exit_code == 0, result.output
    name = yaml.safe_load(config.read_text(encoding="utf-8"))["name"]
    result = CliRunner().invoke(app, ["resume", name, "--quiet"])
    assert result.exit_code == 0, result.output


def used(value):
    """All names of parts in a config."""
    if isinstance(value, dict):
        return {value.get("name")} | {name for inner in value.values() for name in used(inner)}
    return {name for inner in value for name in used(inner)} if isinstance(value, list) else set()


def test_every_strategy_has_an_example():
    names = set()
    for config in CONFIGS:
        value = yaml.safe_load(config.read_text(encoding="utf-8"))
        strategy = value["strategy"]
        names |= {strategy} if isinstance(strategy, str) else used(strategy)
    room = retiarii.strategies
    wanted = {
        name
        for name in room.__all__
        if name not in ALIASES and name not in NO_STRATEGIES and not issubclass(getattr(room, name), Middleware)
    }
    assert wanted | {"Chain"} <= names


def test_an_example_works_where_it_was_copied_to(tmp_path, monkeypatch):
    for file in (CONFIGS[0].parent / "digits.py", CONFIGS[0].parent / "random.yaml"):
        shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "digits", raising=False)
    words = ["run", "random.yaml", "--quiet", "--set", "max_trials=1", "--set", "evaluator.steps=1"]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert sys.modules["digits"].__file__ == str(tmp_path / "digits.py")
    del sys.modules["digits"]
