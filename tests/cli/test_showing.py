"""`retiarii show`: what is known of one experiment."""

from __future__ import annotations

import json
import re
import sys
import time
from contextlib import closing

import pytest
from typer.testing import CliRunner

from retiarii import Experiment
from retiarii.cli.app import app
from retiarii.domain import Categorical, Domain, Numeric
from retiarii.evaluators import FunctionalEvaluator
from retiarii.experiment.plan import Plan
from retiarii.experiment.records import Records
from retiarii.strategies import GridSearch, Random
from retiarii.testing import SampleSpace
from retiarii.trial import Trial

HOSTILE = "[bold]no[/] \x1b[2J\u202e"


def entered(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def shown(directory, *words):
    result = entered("show", *words, "-d", directory)
    assert result.exit_code == 0, result.output
    return result.stdout


def score(sample):
    if sample["width"] == 4 and sample["op0"] == "a":
        raise ValueError(f"{HOSTILE}\nthe last line of {sample['width']}")
    return sample["width"] / 8


def two_scores(sample):
    return {"accuracy": sample["width"], "latency": sample["width"] ** 2}


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    found = tmp_path_factory.mktemp("experiments")
    domain = Domain([Categorical("width", (2, 4, 8)), *[Categorical(f"op{place}", ("a", HOSTILE)) for place in (0, 1)]])
    space = SampleSpace(domain)
    evaluator = FunctionalEvaluator(score, argument="sample")
    for most in (5, 12):
        Experiment(
            space, evaluator, GridSearch(), name="first", directory=found, seed=7, max_trials=most, deduplicate=False
        ).run(progress=False)
    Experiment(
        SampleSpace(Domain([Categorical("width", (2, 4, 8)), Numeric("rate", 0.1, 1.0)])),
        FunctionalEvaluator(two_scores, argument="sample"),
        Random(),
        name="two",
        directory=found,
        objectives={"accuracy": "maximize", "latency": "minimize"},
        max_trials=20,
        seed=0,
    ).run(progress=False)
    return found


def test_all_that_matters_is_said(directory):
    text = shown(directory, "first", "--top", "3")
    for said in (
        "SampleSpace: 3 choices, 12 samples",
        "maximize default",
        "GridSearch(",
        "FunctionalEvaluator(",
        "SequentialEngine()",
        "10 completed, 2 failed",
        "trials an hour",
        "op0\N{EN DASH}1",
        "2 | 4 | 8",
        "The best 3",
        "The last failures, of 2",
        "ValueError: [bold]no[/]",
        "Runs: 2, resumed once",
    ):
        assert said in text, said
    assert "Traceback" not in text


def test_whole_errors_on_demand(directory):
    text = shown(directory, "first", "--failures")
    assert text.count("Traceback (most recent call last)") == 2
    assert "ValueError: [bold]no[/] \\x1b[2J\\u202e\nthe last line of 4" in text


def test_text_from_a_record_is_only_text(directory):
    text = shown(directory, "first")
    assert "[bold]no[/] \\x1b[2J\\u202e" in text
    assert not {"\x1b", "\u202e"} & {*text}


def test_of_several_objectives_the_front(directory):
    text = shown(directory, "two")
    assert "Pareto front: 3 trials" in text
    assert "SampleSpace: 2 choices, infinitely many samples" in text
    assert "Pareto front: 3 trials, of which the first 2" in shown(directory, "two", "--top", "2")


def test_json(directory):
    found = json.loads(shown(directory, "first", "--json", "--top", "2"))
    assert found["state"] == "ended"
    assert [trial["metrics"] for trial in found["best"]] == [{"default": 1.0}, {"default": 1.0}]
    assert found["plan"]["choices"]["width"] == {"kind": "Categorical", "candidates": [2, 4, 8]}
    assert [len(found["runs"]), len(found["failures"])] == [2, 2]
    assert found["settings"]["strategy"]["class"].endswith("GridSearch")
    assert json.loads(shown(directory, "two", "--json"))["pareto_front"] == 3


def test_an_experiment_without_trials(tmp_path):
    space = SampleSpace(Domain([Categorical("width", (2, 4))]))
    evaluator = FunctionalEvaluator(score, argument="sample")
    Experiment(space, evaluator, Random(), name="none", directory=tmp_path, max_duration=0.0001).run(progress=False)
    assert "trials" in shown(tmp_path, "none")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("frist", "there is no experiment 'frist' in"),
        ("frist", "did you mean 'first'?"),
        ("xyzzy", "there is 'first', 'two'"),
        ("../first", "the name of an experiment is that of a folder"),
        ("", "the name of an experiment is that of a folder"),
        ("'; DROP TABLE trial", "there is no experiment"),
    ],
)
def test_an_unknown_name_is_an_error_with_a_way_out(directory, name, said):
    result = entered("show", name, "-d", directory)
    assert result.exit_code == 1
    assert said in result.stderr
    assert "Traceback" not in result.output


def under_way(folder, limits):
    """The record of a search that began 100 s ago: two trials have ended, and two run."""
    folder.mkdir()
    records = Records(folder)
    records.begin(Plan.of("Space", Domain([Categorical("width", tuple(range(30)))]), {"loss": "minimize"}, 0))
    records.start_run({"limits": limits})
    now = time.time()
    trials = [Trial(number, {"width": number}).running(host="here", started=now - 65) for number in range(4)]
    records.save([trials[0].completed({"loss": 1.0}, ended=now), trials[1].failed("x" * 3000, ended=now), *trials[2:]])
    return records


@pytest.mark.parametrize(
    ("limits", "wanted", "left"),
    [
        ({"max_trials": 12, "max_duration": None}, 12, "10 trials"),
        ({"max_trials": None, "max_duration": 3600}, 30, "28 trials"),
        ({}, 30, "28 trials"),
    ],
)
def test_a_running_search_says_what_is_left_and_what_runs(tmp_path, limits, wanted, left):
    with closing(under_way(tmp_path / "now", limits)):
        text = shown(tmp_path, "now")
        found = json.loads(shown(tmp_path, "now", "--json"))
    assert f"; {wanted} are wanted" in text
    assert left in text
    assert "Running now: 2" in text
    assert re.search(r"\(1:[0-5]\d\)", text), "how long they have run"
    assert (found["wanted"], [trial["number"] for trial in found["running"]]) == (wanted, [2, 3])


def test_a_search_that_was_killed_runs_nothing_now(tmp_path):
    under_way(tmp_path / "then", {"max_trials": 12}).close()
    text = shown(tmp_path, "then")
    assert "Running now" not in text
    assert "; 12 are wanted" in text


def test_long_errors_widen_no_table(tmp_path):
    under_way(tmp_path / "then", {}).close()
    lines = shown(tmp_path, "then").splitlines()
    assert max(map(len, lines)) < 250
    assert all(line == line.rstrip() for line in lines)
    assert "x" * 3000 in shown(tmp_path, "then", "--failures")


@pytest.mark.parametrize("words", [["list"], ["show", "then"]])
def test_nothing_is_wider_than_the_terminal(tmp_path, monkeypatch, capsys, words):
    with closing(under_way(tmp_path / "then", {})) as records:
        records.end_run("an error " * 40)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    app([*words, "-d", str(tmp_path)], standalone_mode=False)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= 60
    assert all(line == line.rstrip() for line in lines)
