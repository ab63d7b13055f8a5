"""`retiarii trials`: for people, for spreadsheets, for programs."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from retiarii import Experiment
from retiarii.cli.app import app
from retiarii.cli.trial_forms import Columns
from retiarii.domain import Categorical, Domain, Subset, Symbol
from retiarii.evaluators import FunctionalEvaluator
from retiarii.strategies import GridSearch
from retiarii.testing import SampleSpace
from retiarii.trial import Trial

FORMULAS = ("=1+1", "+1", "-x", "@sum", "safe")


def entered(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.stdout


def score(sample):
    if sample["text"] == "safe":
        raise ValueError("first\n=cmd|' /C calc'!A0")
    return {"loss": 1.5 - FORMULAS.index(sample["text"]), "=more": 1.0}


def on_a_terminal(columns, *words):
    """What a command writes to a terminal of so many columns."""
    terminal, end = os.openpty()
    termios.tcsetwinsize(end, (24, columns))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    subprocess.run([sys.executable, "-m", "retiarii", *map(str, words)], stdout=end, env=environment, check=True)
    os.close(end)
    with os.fdopen(terminal, "rb") as read:
        return read.read1(100_000).decode().splitlines()


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    found = tmp_path_factory.mktemp("experiments")
    choices = [
        Categorical("text", FORMULAS),
        Categorical("optional", (None, 7)),
        Categorical("inner", ('\ttab, "quoted"\n',)),
        Subset("inputs", 2, 1, 2),
    ]
    domain = Domain(choices, {"inner": ((Symbol("text") == "+1",),)})
    Experiment(
        SampleSpace(domain),
        FunctionalEvaluator(score, argument="sample"),
        GridSearch(),
        name="first",
        directory=found,
        objectives={"loss": "minimize"},
        seed=0,
    ).run(progress=False)
    return found


def rows(directory, *words):
    text = entered("trials", "first", "-d", directory, "--format", "csv", *words)
    return [*csv.DictReader(io.StringIO(text))]


def documents(directory, *words):
    return json.loads(entered("trials", "first", "-d", directory, "--format", "json", *words))


def test_csv_has_a_column_for_each_label_and_metric(directory):
    found, known = rows(directory), [*Experiment.load(directory, "first")]
    assert len(found) == len(known) == 30
    assert [*found[0]] == [
        *("number", "state", "metrics.loss", "metrics.=more"),
        *("sample.text", "sample.optional", "sample.inner", "sample.inputs"),
        *("seed", "started", "ended", "duration", "host", "interruptions", "error"),
    ]
    for row, trial in zip(found, known, strict=True):
        assert (int(row["number"]), row["state"]) == (trial.number, trial.state)
        assert json.loads(row["sample.inputs"]) == [*trial.sample["inputs"]]
        assert json.loads(row["sample.optional"]) == trial.sample["optional"]
        assert (row["sample.inner"] != "") == ("inner" in trial.sample)
        assert (row["metrics.loss"] == "") == (trial.state == "failed")
    assert {row["sample.inner"] for row in found} == {"", '\\ttab, "quoted"\\n'}


def test_no_cell_of_text_is_a_formula(directory):
    found = rows(directory)
    assert {row["sample.text"] for row in found} == {"'=1+1", "'+1", "'-x", "'@sum", "safe"}
    assert {row["error"] for row in found} == {"", "ValueError: first"}
    assert {row["metrics.loss"] for row in found} == {"1.5", "0.5", "-0.5", "-1.5", ""}, "numbers stay numbers"


def test_an_error_is_no_formula_either():
    row = Columns([], []).row(Trial(0, {}).failed("=cmd|' /C calc'!A0"))
    assert row[-1] == "'=cmd|' /C calc'!A0"


def test_json_is_one_document_with_everything(directory):
    found = documents(directory)
    for document, trial in zip(found, Experiment.load(directory, "first"), strict=True):
        assert document["sample"] == json.loads(json.dumps(trial.sample))
        assert document["metrics"] == trial.metrics
        assert document["error"] == trial.error
    assert documents(directory, "--state", "stopped") == []


def test_state_order_and_limit(directory):
    metrics = [trial["metrics"].get("loss") for trial in documents(directory, "--sort", "metric")]
    assert metrics == sorted(metrics[:-6]) + [None] * 6
    best = documents(directory, "--sort", "metric", "--limit", "2")
    assert [trial["number"] for trial in best] == [trial.number for trial in Experiment.load(directory, "first").top(2)]
    assert {trial["state"] for trial in documents(directory, "--state", "failed")} == {"failed"}
    assert [trial["number"] for trial in documents(directory, "--limit", "3")] == [0, 1, 2]


def test_the_table_is_plain_text(directory):
    lines = entered("trials", "first", "-d", directory).splitlines()
    assert lines[0].split() == ["trial", "state", "loss", "seconds", "sample"]
    assert len(lines) == 31
    assert "ValueError: first" in lines[-1]
    assert all(line.isprintable() for line in lines)


def test_a_closed_pipe_is_no_error_to_speak_of(directory):
    command = [sys.executable, "-m", "retiarii", "trials", "first", "-d", str(directory), "--format", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("words", ["show first", "trials first --format csv"])
def test_a_full_disk_is_said_and_a_closed_output_is_none(directory, words):
    command = f"{shlex.quote(sys.executable)} -m retiarii {words} -d {shlex.quote(str(directory))}"
    full, closed = (
        subprocess.run(f"{command} {place}", shell=True, capture_output=True, text=True, check=False)  # noqa: S602
        for place in (">/dev/full", ">&-")
    )
    assert (full.returncode, full.stderr) == (1, "retiarii: the output can't be written: No space left on device\n")
    assert (closed.returncode, closed.stderr) == (0, "")


def test_letters_that_the_output_lacks_are_escapes(tmp_path):
    space = SampleSpace(Domain([Categorical("größe", ("ä", "漢"))]))
    evaluator = FunctionalEvaluator(len, argument="sample")
    Experiment(space, evaluator, GridSearch(), name="first", directory=tmp_path).run(progress=False)
    code = (
        "from retiarii.cli.app import app\n"
        "for form in ('table', 'csv', 'json'):\n"
        f"    app(['trials', 'first', '-d', {str(tmp_path)!r}, '--format', form], standalone_mode=False)\n"
        "    print('next')"
    )
    environment = {"PYTHONIOENCODING": "ascii", "PATH": "", "PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.isascii()
    assert all("\\u6f22" in form for form in done.stdout.split("next\n")[:3])


def test_a_line_for_each_trial_fits_the_terminal_however_wide_its_letters_are(tmp_path):
    space = SampleSpace(Domain([Categorical("幅", ("漢字" * 20, "x" * 80))]))
    evaluator = FunctionalEvaluator(len, argument="sample")
    Experiment(space, evaluator, GridSearch(), name="wide", directory=tmp_path).run(progress=False)
    lines = on_a_terminal(60, "trials", "wide", "-d", tmp_path)
    assert len(lines) == 3
    assert [cell_len(line) for line in lines[1:]] == [60, 60]
    assert all(line.endswith("…") for line in lines[1:])
