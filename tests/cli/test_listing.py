"""`retiarii list`: every experiment with what it is up to, whatever else lies there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retiarii.cli.app import app
from retiarii.domain import Categorical, Domain
from retiarii.experiment.experiment import DIRECTORY
from retiarii.experiment.plan import Plan
from retiarii.experiment.records import Records
from retiarii.trial import Trial

MANY = 100_000
BLOCK = 5_000


def entered(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def listed(directory):
    return {entry["name"]: entry for entry in json.loads(entered("list", "--json", "-d", directory).stdout)}


def begun(folder, objectives=None):
    folder.mkdir(parents=True)
    records = Records(folder)
    domain = Domain([Categorical("width", (1, 2, 3))])
    records.begin(Plan.of("Space", domain, objectives or {"accuracy": "maximize"}, 0))
    records.start_run({})
    return records


def completed(number, metric):
    trial = Trial(number, {"width": 1 + number % 3}, seed=number).running(host="here", started=float(number))
    return trial.completed({"accuracy": metric}, ended=number + 1.0, duration=1.0)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    directory = tmp_path_factory.mktemp("large")
    with closing(begun(directory / "many")) as records:
        for first in range(0, MANY, BLOCK):
            records.save([completed(number, number / MANY) for number in range(first, first + BLOCK)])
        records.end_run("the limit is reached")
    return directory


def test_states_trials_and_the_best_are_listed(tmp_path):
    with closing(begun(tmp_path / "done")) as records:
        records.save([completed(0, 0.5), completed(1, 0.75), Trial(2, {"width": 3}).failed("ValueError: no")])
        records.end_run("the limit of 3 trials is reached")
    with closing(begun(tmp_path / "killed")) as records:
        records.save([completed(0, 0.25)])
    with closing(begun(tmp_path / "stopped")) as records:
        records.end_run("it was interrupted")
    with closing(begun(tmp_path / "under way")):
        found = listed(tmp_path)
    done = found["done"]
    assert (done["state"], done["reason"]) == ("ended", "the limit of 3 trials is reached")
    assert done["trials"] == {"completed": 2, "failed": 1}
    assert done["best"] == {"trial": 1, "metric": 0.75}
    assert [found[name]["state"] for name in ("killed", "stopped")] == ["interrupted", "interrupted"]
    assert found["under way"]["state"] == "running"
    assert found["under way"]["reason"].startswith(f"process {os.getpid()} on ")
    text = entered("list", "-d", tmp_path).stdout
    assert "ended: the limit of 3 trials is reached" in text
    assert "2 completed, 1 failed" in text


def test_what_is_no_experiment_is_left_out(tmp_path):
    (tmp_path / "junk").mkdir()
    (tmp_path / "file").write_text("text")
    (tmp_path / "odd" / "experiment.sqlite").mkdir(parents=True)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    begun(tmp_path / "real").close()
    assert [*listed(tmp_path)] == ["real"]


def test_damaged_records_are_listed_with_the_reason(tmp_path):
    for name, content in {"empty": b"", "text": b"no database at all" * 100}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "experiment.sqlite").write_bytes(content)
    begun(tmp_path / "cut").close()
    record = tmp_path / "cut" / "experiment.sqlite"
    record.write_bytes(record.read_bytes()[:5000])
    begun(tmp_path / "whole").close()
    found = listed(tmp_path)
    assert found["whole"]["state"] == "interrupted"
    assert found["text"]["state"] == found["cut"]["state"] == "damaged"
    assert "is damaged, or no record of an experiment" in found["text"]["reason"]
    assert entered("list", "-d", tmp_path).exit_code == 0


def test_hostile_names_are_only_text(tmp_path):
    begun(tmp_path / "[red]x[bold] \x1b[31m\n=1").close()
    text = entered("list", "-d", tmp_path).stdout
    assert "[red]x[bold] \\x1b[31m\\n=1" in text
    assert "\x1b" not in text


def test_the_default_directory_may_not_be_there_yet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = entered("list")
    assert (result.exit_code, result.stdout) == (0, f"There are no experiments in {tmp_path / DIRECTORY}\n")
    assert entered("list", "--json").stdout == "[]\n"
    named = entered("list", "-d", "missing")
    assert named.exit_code == 1
    assert f"there is no folder {tmp_path / 'missing'}; say where" in named.stderr


@pytest.mark.parametrize("command", ["show", "trials", "resume", "plot"])
def test_the_path_of_an_experiment_is_no_name_and_it_says_what_to_give(tmp_path, monkeypatch, command):
    begun(tmp_path / "a b" / "one").close()
    monkeypatch.chdir(tmp_path)
    result = entered(command, "a b/one/")
    assert result.exit_code == 1
    assert "a b/one/ is the path of an experiment; give its directory and name: --directory 'a b' one" in result.stderr
    monkeypatch.chdir(tmp_path / "a b" / "one")
    assert f"--directory '{tmp_path / 'a b'}' one" in entered(command, ".").stderr


def test_a_hundred_thousand_trials(large):
    assert listed(large)["many"]["trials"] == {"completed": MANY}
    shown = json.loads(entered("show", "many", "-d", large, "--json", "--top", "2").stdout)
    assert [trial["number"] for trial in shown["best"]] == [MANY - 1, MANY - 2]
    last = json.loads(entered("trials", "many", "-d", large, "--format", "json", "--limit", "3").stdout)
    assert [trial["number"] for trial in last] == [0, 1, 2]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="nothing says how much memory was used")
def test_trials_are_streamed(large):
    """The memory of a process that writes all of them stays near that of one that writes none."""
    code = (
        "import sys\nfrom retiarii.cli.commands import trials\nfrom pathlib import Path\n"
        f"trials('many', Path({str(large)!r}), 'json')\n"
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0], file=sys.stderr)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    assert int(done.stderr) < 150_000


def test_looking_needs_no_torch(tmp_path):
    commands = (["list"], ["show", "one"], ["trials", "one"], ["plot", "one", "--output", "x.svg"])
    with closing(begun(tmp_path / "one")) as records:
        records.save([completed(0, 0.5)])
    code = (
        "import sys\nfrom retiarii.cli.app import app\n"
        f"for words in {commands!r}:\n"
        f"    try: app([*words, '-d', {str(tmp_path)!r}])\n"
        "    except SystemExit as end: assert not end.code\n"
        "found = {name.partition('.')[0] for name in sys.modules}\n"
        "assert not found & {'torch', 'pytorch_lightning', 'hyperopt', 'tianshou', 'sklearn'}, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, stdout=subprocess.DEVNULL)
