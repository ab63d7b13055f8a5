"""What is said when a search has ended."""

from __future__ import annotations

from pathlib import Path

from retiarii import Trial
from retiarii.experiment import History
from retiarii.experiment.report import report

FOLDER = Path("experiments", "one")


def test_the_outcome():
    running = [Trial(number, {"width": number, "text": "x" * 200 * (number == 2)}).running() for number in range(4)]
    trials = [
        running[0].completed({"accuracy": 0.5, "latency": 12.0, "more": 1.0}),
        running[1].failed("Traceback (most recent call last):\n  File ...\nValueError: too\nmuch\n"),
        running[2].completed({"accuracy": 0.75, "latency": 7.25}),
    ]
    history = History({"accuracy": "maximize", "latency": "minimize"}, trials)
    lines = report(history, FOLDER, "the limit of 3 trials is reached", 61.0).splitlines()
    assert lines[0] == "The search has ended after 1:01: the limit of 3 trials is reached."
    assert lines[1] == "Trials: 2 completed, 1 failed."
    assert lines[3] == "trial  accuracy  latency  sample"
    assert lines[4].startswith('    2      0.75     7.25  {"width": 2, "text": "xxx')
    assert len(lines[4]) < 130
    assert lines[5] == '    0       0.5       12  {"width": 0, "text": ""}'
    assert lines[7] == "The error of the last failed trial: much"
    assert lines[-1] == f"Everything is in {FOLDER}"


def test_an_outcome_of_nothing():
    lines = report(History({"accuracy": "maximize"}), FOLDER, "there is nothing", 0.0).splitlines()
    assert lines == [
        "The search has ended after 0 s: there is nothing.",
        "Trials: none.",
        "",
        f"Everything is in {FOLDER}",
    ]
