"""What is said when a search has ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from retiarii import Trial
from retiarii.experiment import History
from retiarii.experiment.plan import Plan
from retiarii.experiment.reader import Reader
from retiarii.experiment.records import Records, WeightsRecord
from retiarii.experiment.report import report, resumed
from retiarii.stoppers import ASHA
from retiarii.testing import DOMAINS

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
    assert lines[8] == "The error of the last failed trial: ValueError: too"
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


def history_with(tmp_path, states, epochs=0):
    records = Records(tmp_path)
    records.begin(Plan.of("Space", DOMAINS["flat"], {"accuracy": "maximize"}, 0))
    trials = [Trial(number, {"width": 16}) for number in range(len(states))]
    changes = {
        "waiting": lambda trial: trial,
        "running": lambda trial: trial.running(),
        "completed": lambda trial: trial.running().completed({"accuracy": 0.5}),
        "failed": lambda trial: trial.running().failed(
            "Traceback (most recent call last):\n  File ...\nValueError: no"
        ),
    }
    records.save([changes[state](trial) for state, trial in zip(states, trials, strict=True)])
    for epoch in range(epochs):
        WeightsRecord(tmp_path)(epoch, {"width": {16: 1.0}})
    records.close()
    return History({"accuracy": "maximize"}, Reader(tmp_path))


@pytest.mark.parametrize(
    ("states", "epochs", "said"),
    [
        (["completed", "failed"], 0, "2 trials are kept"),
        (["completed", "running"], 0, "1 trials are kept, 1 was under way and will be run again"),
        (["running", "waiting", "running"], 0, "0 trials are kept, 3 were under way and will be run again"),
        ([], 1, "0 trials are kept, and the architecture weights of 1 epoch"),
        (["completed"], 3, "1 trials are kept, and the architecture weights of 3 epochs"),
    ],
)
def test_a_search_that_goes_on_says_with_what(tmp_path, states, epochs, said):
    history = history_with(tmp_path, states, epochs)
    assert resumed(FOLDER, history) == f"retiarii: resuming {FOLDER}: {said}"


def test_a_record_is_reported_like_trials_in_memory(tmp_path):
    history = history_with(tmp_path, ["completed", "failed", "completed", "waiting"])
    found = report(history, FOLDER, "it ended", 61.0)
    assert found == report(History(history.objectives, history.trials), FOLDER, "it ended", 61.0)
    assert "Trials: 2 completed, 1 failed, 1 waiting." in found
    assert "The error of the last failed trial: ValueError: no" in found
