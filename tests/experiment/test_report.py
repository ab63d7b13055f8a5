"""What is said when a search has ended."""

from __future__ import annotations

from pathlib import Path

from retiarii import Trial
from retiarii.experiment import History
from retiarii.experiment.report import report
from retiarii.stoppers import ASHA

FOLDER = Path("experiments", "one")


def test_the_outcome():
    running = [Trial(number, {"width": number, "text": "x" * 200 * (number == 2)}).running() for number in range(4)]
    trials = [
        running[0].completed({"accuracy": 0.5, "latency": 5.0, "more": 1.0}),
        running[1].failed("Traceback (most recent call last):\n  File ...\nValueError: too\nmuch\n"),
        running[2].completed({"accuracy": 0.75, "latency": 7.25}),
        running[3].completed({"accuracy": 0.25, "latency": 6.0}),
    ]
    history = History({"accuracy": "maximize", "latency": "minimize"}, trials)
    lines = report(history, FOLDER, "the limit of 3 trials is reached", 61.0).splitlines()
    assert lines[0] == "The search has ended after 1:01: the limit of 3 trials is reached."
    assert lines[1] == "Trials: 3 completed, 1 failed."
    assert lines[3] == "Pareto front: 2 trials"
    assert lines[4] == "trial  accuracy  latency  sample"
    assert lines[5].startswith('    2      0.75     7.25  {"width": 2, "text": "xxx')
    assert len(lines[5]) < 130
    assert lines[6] == '    0       0.5        5  {"width": 0, "text": ""}'
    assert lines[8] == "The error of the last failed trial: much"
    assert lines[-1] == f"Everything is in {FOLDER}"


def test_the_best_by_one_objective():
    trials = [Trial(number, {"width": number}).running().completed({"accuracy": number / 8}) for number in range(8)]
    lines = report(History({"accuracy": "maximize"}, trials), FOLDER, "there is no more", 1.0).splitlines()
    assert lines[3:6] == ["trial  accuracy  sample", '    7     0.875  {"width": 7}', '    6      0.75  {"width": 6}']
    assert len(lines) == 11


def test_a_long_front_is_cut():
    trials = [
        Trial(number, {}).running().completed({"accuracy": number / 8, "size": number / 2}) for number in range(8)
    ]
    history = History({"accuracy": "maximize", "size": "minimize"}, trials)
    lines = report(history, FOLDER, "there is no more", 1.0).splitlines()
    assert lines[3] == "Pareto front: 8 trials, of which the first 5"
    assert len(lines) == 12


def test_an_outcome_of_nothing():
    lines = report(History({"accuracy": "maximize"}), FOLDER, "there is nothing", 0.0).splitlines()
    assert lines == [
        "The search has ended after 0 s: there is nothing.",
        "Trials: none.",
        "",
        f"Everything is in {FOLDER}",
    ]


def test_a_stopper_without_reports_is_mentioned():
    said = "No trial reported anything to ASHA; call report_intermediate(value) while the model is trained."
    silent = Trial(0, {}).running().completed({"accuracy": 0.5})
    heard = Trial(1, {}).running().reported(0.5).completed({"accuracy": 0.5})
    for trials, stopper, expected in (
        ([silent], ASHA(), True),
        ([silent], None, False),
        ([silent, heard], ASHA(), False),
        ([], ASHA(), False),
    ):
        lines = report(History({"accuracy": "maximize"}, trials), FOLDER, "it ended", 1.0, stopper=stopper).splitlines()
        assert (said in lines) == expected
