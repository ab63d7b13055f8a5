"""What is written down of what a run is made of."""

from __future__ import annotations

import json
import math
import os
import sys

import numpy as np
import pytest

import retiarii
from retiarii import Experiment, Stopper
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import SequentialEngine
from retiarii.experiment.settings import circumstances, described
from retiarii.stoppers import ASHA
from retiarii.strategies import GridSearch, RegularizedEvolution
from retiarii.testing import DOMAINS, SampleSpace


class Odd:
    """Holds what it is given."""

    def __init__(self, value, lost=None):
        self.value = value
        self._lost = lost


class Nameless:
    def __repr__(self):
        raise RuntimeError("no name")


def shown(value):
    """A value as it is written down, which is JSON."""
    found = described(Odd(value))["arguments"]["value"]
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


@pytest.mark.parametrize("value", [None, True, 3, 2**80, 0.1, -0.0, "text", [1, "a", None], {"a": 1, "b": 0.5}, {}, []])
def test_plain_values_stay_as_they_are(value):
    assert shown(value) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        ([math.inf], ["inf"]),
        ((1, (2, 3)), [1, "(2, 3)"]),
        ({1: {"deep": 2}}, {"1": "{'deep': 2}"}),
        (dict, "builtins.dict"),
        (np.float64("nan"), "np.float64(nan)"),
        ({3}, "{3}"),
    ],
)
def test_others_are_said_in_words(value, text):
    assert shown(value) == text


def test_words_are_few():
    assert len(shown("x" * 10_000)) == 200
    assert len(shown(np.zeros(100_000))) < 200
    assert len(json.dumps(shown({"data": [0.5] * 100_000}))) < 200
    assert len(shown([0.5] * 100_000)) < 100
    assert len(shown({str(number): number for number in range(100_000)})) < 100
    assert "Nameless" in shown(Nameless())


def test_functions_are_known_by_name_and_source():
    def first():
        return 1

    named = "test_functions_are_known_by_name_and_source.<locals>.first (source "
    assert named in shown(first) == shown(first)
    before = shown(first)

    def first():
        return 2

    assert named in shown(first) != before
    assert shown(json.dumps).startswith("json.dumps (source ")


def test_what_an_object_does_not_hold_is_left_out():
    assert described(Odd(1, lost=2)) == {"class": f"{__name__}.Odd", "arguments": {"value": 1}}


def test_parts_of_a_search_are_called_by_class_and_arguments():
    assert described(RegularizedEvolution(population_size=7, sample_size=3)) == {
        "class": "retiarii.strategies.regularized_evolution.RegularizedEvolution",
        "arguments": {"population_size": 7, "sample_size": 3, "crossover": 0.0},
    }
    assert described(SequentialEngine())["arguments"] == {}
    evaluator = described(FunctionalEvaluator(len, argument="sample", rate=0.5, layers=[1, 2]))["arguments"]
    assert evaluator["function"] == "builtins.len"
    assert evaluator["arguments"] == {"rate": 0.5, "layers": "[1, 2]"}


def test_a_run_writes_down_what_it_is_made_of(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["search.py", "--ü"])

    def run(**options):
        evaluator = FunctionalEvaluator(len, argument="sample")
        space = SampleSpace(DOMAINS["flat"])
        Experiment(space, evaluator, GridSearch(), name="one", directory=tmp_path, **options).run(progress=False)

    run(max_trials=2)
    run(max_trials=3, stopper=ASHA(), deduplicate=False, max_retries=0, max_duration=60.0)
    first, second = [run.settings for run in Experiment.load(tmp_path, "one").runs]
    assert first["strategy"]["class"] == "retiarii.strategies.grid.GridSearch"
    assert first["engine"]["class"] == "retiarii.execution.sequential.SequentialEngine"
    assert first["evaluator"]["arguments"]["function"] == "builtins.len"
    assert first["limits"] == {"max_trials": 2, "max_duration": None, "max_retries": 5}
    assert (first["deduplicate"], second["deduplicate"]) == (True, False)
    assert second["limits"] == {"max_trials": 3, "max_duration": 60.0, "max_retries": 0}
    assert "stopper" not in first
    assert second["stopper"]["class"].endswith(".ASHA")
    assert first["argv"] == [sys.executable, "search.py", "--ü"]
    assert first["directory"] == str(tmp_path)


def test_circumstances_name_the_versions_that_count():
    found = circumstances()
    assert found["versions"].keys() >= {"retiarii", "torch", "numpy"}
    assert found["versions"]["numpy"] == np.__version__
    assert found["python"].split(".") == [*map(str, sys.version_info[:3])]
    assert found["directory"] == os.getcwd()


def test_stoppers_of_ones_own_are_described(tmp_path):
    class Never(Stopper):
        def should_stop(self, trial):
            return False

    assert described(Never()) == {"class": f"{__name__}.{Never.__qualname__}", "arguments": {}}
    assert retiarii.Stopper is Stopper
