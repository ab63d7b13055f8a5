"""Names and texts that mean something to a shell, a file system, SQL, a terminal or a page: here they mean nothing."""

from __future__ import annotations

import csv
import io
import json
import os

import pytest
from typer.testing import CliRunner

from retiarii.cli.app import app
from retiarii.domain import Categorical, Domain
from retiarii.errors import ExperimentError
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import ProcessEngine
from retiarii.experiment import Experiment
from retiarii.strategies import GridSearch
from retiarii.testing import SampleSpace

REFUSED = ("", ".", "..", "../x", "a/../../x", "/x", "a/b", "a\\b", "a\0b", "<script>alert(1)</script>", "x" * 300)
TAKEN = (
    "; DROP TABLE trial",
    "'); DROP TABLE trial; --",
    "<b onmouseover=alert(1)>",
    "\U0001f578\ufe0f net",
    "-rf",
    "--help",
    "dot.",
    ".hidden",
    "%s%n%d",
    "%2e%2e%2fx",
    "\u202egnp.exe",
    " ",
    "~",
    "$HOME `id` $(id)",
    "'\"",
    "*",
    "x?mode=memory&cache=shared#y",
    "file:x",
    "[red]x[bold]",
    "NUL",
    "\u0301combining",
)
STRANGE = ("a\nb", "a\x1b[2Jb", "a\x7f\x9bb", "a\udcffb")
"""Names that may be refused or taken; whatever is printed of them does nothing to a terminal."""


def search(directory, name, domain=None, **settings):
    domain = Domain([Categorical("choice", ("a", "b"))]) if domain is None else domain
    evaluator = FunctionalEvaluator(len, argument="sample")
    return Experiment(
        SampleSpace(domain), evaluator, GridSearch(), name=name, directory=directory, max_trials=4, seed=0, **settings
    )


def command(directory, *arguments):
    """What a command prints, which does nothing to a terminal."""
    done = CliRunner().invoke(app, [*arguments[:1], "--directory", str(directory), "--", *arguments[1:]])
    assert done.exit_code in {0, 1}, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    marks = {letter for letter in done.output if ord(letter) < 32 or 127 <= ord(letter) < 160} - {"\n"}
    assert not marks, f"{marks} goes to the terminal"
    return done.output


def files(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


@pytest.mark.parametrize("name", REFUSED, ids=range(len(REFUSED)))
def test_names_that_are_no_folders_are_refused(tmp_path, name):
    directory = tmp_path / "in" / "experiments"
    with pytest.raises(ExperimentError) as error:
        search(directory, name).run(progress=False)
    assert len(str(error.value).splitlines()) == 1
    with pytest.raises(ExperimentError):
        Experiment.load(directory, name)
    assert set(files(tmp_path)) <= {"in", "in/experiments"}


@pytest.mark.parametrize("name", TAKEN, ids=range(len(TAKEN)))
def test_other_names_are_names(tmp_path, name):
    directory = tmp_path / "in" / "experiments"
    for _ in range(2):
        search(directory, name).run(progress=False)
    assert os.listdir(directory) == [name]
    assert os.listdir(tmp_path / "in") == ["experiments"]
    history = Experiment.load(directory, name)
    assert history.counts == {"completed": 2}
    assert history.best.metric == 1.0
    listed = json.loads(CliRunner().invoke(app, ["list", "--directory", str(directory), "--json"]).output)
    assert [entry["name"] for entry in listed] == [name]
    for words in (["list"], ["show", name], ["trials", name]):
        command(directory, *words)


@pytest.mark.parametrize("name", STRANGE, ids=range(len(STRANGE)))
def test_control_characters_in_names_reach_no_terminal(tmp_path, name):
    directory = tmp_path / "in" / "experiments"
    try:
        search(directory, name).run(progress=False)
    except ExperimentError as error:
        assert len(str(error).splitlines()) == 1
        return
    assert Experiment.load(directory, name).counts == {"completed": 2}
    for words in (["list"], ["show", name], ["trials", name]):
        command(directory, *words)


TEXTS = [*TAKEN, *STRANGE, *REFUSED, "=1+1", "@SUM(1)", "a,b;c\td", "{'a': 1}", "__class__", "${x}", "{{x}}", "\ufeff"]


@pytest.mark.parametrize("engine", [None, "process"])
def test_candidates_are_kept_as_they_are(tmp_path, engine):
    texts = tuple(dict.fromkeys(TEXTS))
    domain = Domain([Categorical("choice", texts)])
    chosen = {} if engine is None else {"engine": ProcessEngine(1, trials_per_message=16)}
    for _ in range(2):
        experiment = search(tmp_path, "first", domain, **chosen)
        experiment.limits = type(experiment.limits)()
        experiment.run(progress=False)
    _check_texts(tmp_path, [{"choice": text} for text in texts])


def test_labels_are_kept_as_they_are(tmp_path):
    labels = tuple(dict.fromkeys(text for text in TEXTS if text))
    domain = Domain([Categorical(label, ("a", "b")) for label in labels])
    for _ in range(2):
        search(tmp_path, "first", domain).run(progress=False)
    trials = Experiment.load(tmp_path, "first").trials
    assert all([*trial.sample] == [*labels] for trial in trials)
    _check_texts(tmp_path, [trial.sample for trial in trials])


def test_names_of_metrics_are_kept_as_they_are(tmp_path):
    names = tuple(dict.fromkeys(text for text in TEXTS if text))

    def score(sample):
        return dict.fromkeys(names, 1.0)

    objectives = dict.fromkeys(names, "maximize")
    experiment = search(tmp_path, "first", objectives=objectives)
    experiment.evaluator = FunctionalEvaluator(score, argument="sample")
    experiment.run(progress=False)
    trials = Experiment.load(tmp_path, "first").trials
    assert [trial.metrics for trial in trials] == [dict.fromkeys(names, 1.0)] * 2
    _check_texts(tmp_path, [trial.sample for trial in trials])


def _check_texts(directory, samples):
    """Sees that samples were recorded, and are written out, as they are."""
    assert [trial.sample for trial in Experiment.load(directory, "first").trials] == samples
    for words in (["list"], ["show", "first"], ["trials", "first"]):
        command(directory, *words)
    written = CliRunner().invoke(app, ["trials", "first", "--directory", str(directory), "--format", "json"])
    assert [entry["sample"] for entry in json.loads(written.output)] == samples
    written = CliRunner().invoke(app, ["trials", "first", "--directory", str(directory), "--format", "csv"])
    assert written.exit_code == 0, written.exception
    assert len(list(csv.reader(io.StringIO(written.output, newline="")))) == len(samples) + 1
    assert os.listdir(directory) == ["first"]
