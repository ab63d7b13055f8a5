"""`retiarii run` and `retiarii resume`: what they do, what they say, and their exit codes."""

from __future__ import annotations

import json
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from retiarii import Experiment, __version__
from retiarii.cli.app import app
from retiarii.evaluators import FunctionalEvaluator
from retiarii.strategies import Random
from retiarii.testing.domains import DOMAINS
from retiarii.testing.spaces import SampleSpace

HEAVY = {"torch", "numpy", "pandas", "pytorch_lightning", "networkx", "rich", "yaml", "sqlite3", "matplotlib"}
RECORDS = "retiarii-experiments"
COMMAND = [sys.executable, "-m", "retiarii"]


def entered(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def history(name="toy", directory=RECORDS):
    return Experiment.load(directory, name)


def changed(folder, old, new):
    file = folder / "search.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_a_search_is_run_and_recorded(folder):
    result = entered("run", "search.yaml")
    assert result.exit_code == 0, result.output
    assert "The search has ended" in result.stderr
    assert history().counts == {"completed": 6}


def test_quiet_says_nothing(folder):
    result = entered("run", "search.yaml", "--quiet")
    assert (result.exit_code, result.output) == (0, "")


def test_options_and_settings_go_before_the_file(folder):
    words = ["--name", "other", "--directory", "here", "--set", "max_trials=3", "--set", "strategy=Random"]
    assert entered("run", "search.yaml", "-q", *words).exit_code == 0
    found = history("other", "here")
    assert found.counts == {"completed": 3}
    assert found.runs[-1].settings["strategy"]["class"].endswith(".Random")


def test_the_config_is_kept_for_the_owner_alone_with_what_the_command_line_changed(folder):
    assert entered("run", "search.yaml", "-q", "--set", "evaluator.factor=1e-3", "--name", "no").exit_code == 0
    file = folder / RECORDS / "no" / "config.yaml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert kept["evaluator"]["arguments"] == {
        "function": {"import": "toys.score"},
        "argument": "sample",
        "factor": 0.001,
    }
    assert (kept["name"], kept["directory"], kept["max_trials"]) == ("no", str(folder / RECORDS), 6)
    assert kept["import_from"] == [str(folder)]
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(".")] == []


def test_a_search_goes_on_by_its_name_from_any_folder(folder, monkeypatch):
    home = folder / "elsewhere"
    home.mkdir()
    assert entered("run", "search.yaml", "-q").exit_code == 0
    monkeypatch.chdir(home)
    done = subprocess.run(
        [*COMMAND, "resume", "toy", "--directory", str(folder / RECORDS), "--set", "max_trials=9"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "6 trials are kept" in done.stderr
    assert history("toy", folder / RECORDS).counts == {"completed": 9}
    kept = yaml.safe_load((folder / RECORDS / "toy" / "config.yaml").read_text(encoding="utf-8"))
    assert (kept["max_trials"], kept["import_from"]) == (9, [str(folder)])


def test_a_moved_experiment_goes_on_where_it_is(folder):
    assert entered("run", "search.yaml", "-q").exit_code == 0
    (folder / RECORDS / "toy").rename(folder / "moved")
    assert entered("resume", "moved", "-q", "--directory", folder, "--set", "max_trials=7").exit_code == 0
    assert history("moved", folder).counts == {"completed": 7}


def test_a_config_without_a_name_gets_a_new_folder(folder):
    changed(folder, "name: toy\n", "")
    assert entered("run", "search.yaml", "-q").exit_code == 0
    assert entered("run", "search.yaml", "-q").exit_code == 0
    names = [path.name for path in (folder / RECORDS).iterdir()]
    assert len(names) == 2
    assert all((folder / RECORDS / name / "config.yaml").is_file() for name in names)


def test_another_search_is_refused_and_its_config_not_kept(folder):
    assert entered("run", "search.yaml", "-q").exit_code == 0
    kept = (folder / RECORDS / "toy" / "config.yaml").read_text(encoding="utf-8")
    result = entered("run", "search.yaml", "--set", "space.most=5", "--set", "max_trials=8")
    assert result.exit_code == 1
    assert "holds another search" in result.stderr
    assert "--anyway goes on with what still fits" in result.stderr
    assert (folder / RECORDS / "toy" / "config.yaml").read_text(encoding="utf-8") == kept
    assert (
        entered("run", "search.yaml", "-q", "--set", "space.most=8", "--anyway", "--set", "max_trials=7").exit_code == 0
    )
    assert "most: 8" in (folder / RECORDS / "toy" / "config.yaml").read_text(encoding="utf-8")


def test_fresh_refuses_to_go_on(folder):
    assert entered("run", "search.yaml", "-q", "--fresh").exit_code == 0
    result = entered("run", "search.yaml", "--fresh", "--set", "max_trials=8")
    assert (result.exit_code, history().counts) == (1, {"completed": 6})
    assert "holds an experiment of 6 trials" in result.stderr
    assert "resume=" not in result.stderr
    assert "resume is" not in result.stderr
    assert entered("run", "search.yaml", "--fresh", "--anyway").exit_code == 2


def test_costs_and_parts_that_are_there_already(folder):
    changed(
        folder,
        "name: toy",
        "costs: [{name: toys.Price, arguments: {scale: 2}}]\nobjectives: {price: minimize}\nname: toy",
    )
    assert entered("run", "search.yaml", "-q", "--set", "evaluator=toys.ready").exit_code == 0
    best = history().best
    assert best is not None
    assert best.metrics["price"] == 2 * best.metrics["default"] == 2 * best.sample["width"]


def test_a_search_in_which_nothing_completes_is_a_failure(folder):
    result = entered("run", "search.yaml", "--set", "evaluator.function.import=toys.fail", "--set", "max_trials=2")
    assert result.exit_code == 1
    assert "no trial has completed; retiarii show toy says more" in result.stderr
    result = entered("run", "search.yaml", "--set", "evaluator.function.import=toys.fail", "--set", "max_trials=9")
    assert result.exit_code == 1
    assert "no score for" in result.stderr
    assert "Traceback" not in result.stderr


def test_what_to_enter_for_a_name_like_an_option(folder):
    words = ["--set", "evaluator.function.import=toys.fail", "--set", "max_trials=1", "--set", "name=-y"]
    result = entered("run", "search.yaml", *words)
    assert "retiarii show -- -y says more" in result.stderr
    assert entered("show", "--", "-y").exit_code == 0


def test_an_experiment_of_a_program_says_what_ran_it(folder):
    evaluator = FunctionalEvaluator(len, argument="sample")
    experiment = Experiment(SampleSpace(DOMAINS["flat"]), evaluator, Random(), name="mine", max_trials=1)
    experiment.run(progress=False)
    result = entered("resume", "mine")
    assert result.exit_code == 1
    assert "mine has no config.yaml, because no config began it but a program; what ran it is: " in result.stderr
    assert shlex.quote(sys.argv[0]) in result.stderr


@pytest.mark.parametrize("name", ["other", "../search", "toy.yaml", "\x1b[31m[red]"])
def test_an_experiment_that_is_not_there(folder, name):
    assert entered("run", "search.yaml", "-q").exit_code == 0
    (folder / "search").mkdir()
    (folder / "search.yaml").rename(folder / "search" / "config.yaml")
    result = entered("resume", name)
    assert result.exit_code == 1
    assert result.stderr.startswith("retiarii: ")
    assert result.stderr.isprintable() or result.stderr.rstrip("\n").isprintable()


def test_what_a_kept_config_says_wrong_is_said(folder):
    assert entered("run", "search.yaml", "-q").exit_code == 0
    file = folder / RECORDS / "toy" / "config.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("max_trials: 6", "max_trials: *six"), encoding="utf-8")
    result = entered("resume", "toy")
    assert result.exit_code == 2
    assert "config.yaml:" in result.stderr


def test_an_error_of_the_users_own_class_keeps_its_traceback(folder):
    done = subprocess.run(
        [*COMMAND, "run", "search.yaml", "--set", "space={name: toys.Broken, arguments: {why: no table}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "LookupError: no table\nwhile toys.Broken was made for `space` of the config" in done.stderr


def loaded_by(*commands):
    """The exit code, the output, and the top-level modules that commands, one after another, have loaded in the end."""
    code = f"""
import sys
from retiarii.cli.app import app
codes = []
for words in {[*commands]!r}:
    try:
        app(words)
    except SystemExit as end:
        codes.append(end.code or 0)
print("modules:", *{{name.partition(".")[0] for name in sys.modules}})
sys.exit(max(codes))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    said, _, modules = done.stdout.partition("modules:")
    return done.returncode, said + done.stderr, {*modules.split()}


def test_help_loads_nothing_heavy():
    code, said, modules = loaded_by(["--help"], ["--version"], ["run", "--help"], ["resume", "-h"])
    assert (code, modules & HEAVY) == (0, set())
    assert said.count("Usage: ") == 3


def test_version():
    assert entered("--version").output == f"retiarii {__version__}\n"


def test_wrong_configs_load_no_torch(folder):
    changed(folder, "RegularizedEvolution", "RegularisedEvolution")
    code, said, modules = loaded_by(["run", "search.yaml"])
    assert (code, "torch" in modules) == (2, False)
    assert said == (
        "search.yaml:8: strategy: 'RegularisedEvolution' is unknown; did you mean RegularizedEvolution? "
        "(of your own: an import path, my_module.Name)\n"
    )


@pytest.mark.parametrize("command", ["run", "resume"])
def test_each_command_has_examples(command):
    result = entered(command, "--help")
    assert f"  retiarii {command} " in result.output
    assert "--set" in result.output


def test_usage_errors_are_two():
    assert entered("rum").exit_code == 2
    assert entered("run").exit_code == 2
    assert entered("run", "a.yaml", "--nme", "x").exit_code == 2
    result = entered("run", "nowhere.yaml")
    assert (result.exit_code, result.stderr) == (2, "nowhere.yaml: can't be read: No such file or directory\n")


def test_the_run_keeps_the_command_line(folder):
    subprocess.run([*COMMAND, "run", "search.yaml", "-q"], check=True)
    argv = history().runs[-1].settings["argv"]
    assert argv[-2:] == ["search.yaml", "-q"]
    assert json.dumps(argv)
    assert Path(argv[0]).is_absolute()
