"""The config in an experiment's folder, when several write it, and when something is cut off or broken."""

from __future__ import annotations

import sys
from contextlib import suppress

import pytest
import yaml
from typer.testing import CliRunner

from retiarii import Callback, ExperimentError
from retiarii.cli import kept
from retiarii.cli.app import app
from retiarii.cli.config.search import Search
from retiarii.cli.kept import FILE, KeptConfig

RECORDS = "retiarii-experiments"


def begun(folder, factor, *callbacks):
    """An experiment whose config is kept, as `retiarii run` makes it, and its config."""
    search = Search.read(folder / "search.yaml", [f"evaluator.factor={factor}"], {"name": None, "directory": None})
    config = KeptConfig(search)
    return search.experiment(resume=True, callbacks=[config, *callbacks]), config


def kept_factor(folder):
    found = yaml.safe_load((folder / RECORDS / "toy" / FILE).read_text(encoding="utf-8"))
    return found["evaluator"]["arguments"]["factor"]


@pytest.mark.parametrize("is_first", [True, False])
def test_of_two_that_begin_at_once_the_config_of_the_one_that_runs_is_kept(folder, is_first):
    refused = []

    class Rival(Callback):
        def on_trial_end(self, trial):
            if not refused:
                with pytest.raises(ExperimentError, match="is being run by process") as caught:
                    other.run(progress=False)
                refused.append(caught)

    one, config = begun(folder, 1.5, Rival())
    other, config_of_other = begun(folder, 100.0)
    for each, experiment in [(config, one), (config_of_other, other)][:: 1 if is_first else -1]:
        each.prepare(experiment)
    assert kept_factor(folder) == (1.5 if is_first else 100.0)
    one.run(progress=False)
    assert refused
    assert kept_factor(folder) == 1.5


def test_a_record_that_breaks_is_the_error_that_is_said(folder):
    (folder / "spoiling.py").write_text(
        "from pathlib import Path\n\n"
        "def score(sample):\n"
        f"    for file in Path({RECORDS!r}).glob('*/experiment.sqlite'):\n"
        "        file.unlink()\n"
        "    return 1.0\n",
        encoding="utf-8",
    )
    file = folder / "search.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("name: toy\n", ""), encoding="utf-8")
    words = ["run", "search.yaml", "-q", "--set", "evaluator.function.import=spoiling.score"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    assert "experiment.sqlite was removed or replaced while the experiment runs" in result.stderr
    assert len([*(folder / RECORDS).iterdir()]) == 1, "nothing is removed of which nothing is known"


class Cut:
    """Raises an error at the n-th step of a function, as Ctrl-C does; counts the steps."""

    def __init__(self, function, at):
        self.code = function.__code__
        self.at = at
        self.count = 0

    def __enter__(self):
        self.before = sys.gettrace()
        sys.settrace(self.enter)
        return self

    def __exit__(self, *error):
        sys.settrace(self.before)

    def enter(self, frame, event, argument):
        frame.f_trace_opcodes = frame.f_code is self.code
        return self.step if frame.f_code is self.code else None

    def step(self, frame, event, argument):
        if event == "opcode":
            self.count += 1
            if self.count == self.at:
                raise KeyboardInterrupt
        return self.step


def test_a_config_that_is_replaced_is_whole_wherever_ctrl_c_comes(tmp_path):
    file = tmp_path / FILE
    found = []
    is_cut = True
    while is_cut:
        file.write_text("old\n", encoding="utf-8")
        with suppress(KeyboardInterrupt):
            with Cut(kept._replace, len(found) + 1):
                kept._replace(file, "new\n")
            is_cut = False
        found.append(file.read_text(encoding="utf-8"))
    assert found == ["old\n"] * found.index("new\n") + ["new\n"] * found.count("new\n")
    assert found.count("new\n") > 1, "it came after the file had its place, too"
