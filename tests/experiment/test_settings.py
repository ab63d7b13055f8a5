"""What is written down of what a run is made of."""

from __future__ import annotations

import functools
import json
import math
import os
import re
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pytorch_lightning.callbacks import EarlyStopping
from torch.utils.data import DataLoader, Dataset, TensorDataset

import retiarii
from retiarii import Experiment, Stopper, nn
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import SequentialEngine
from retiarii.experiment.descriptions import described
from retiarii.experiment.others import differences
from retiarii.experiment.settings import circumstances
from retiarii.stoppers import ASHA
from retiarii.strategies import DARTS, TPE, Chain, GridSearch, RegularizedEvolution, Scalarized
from retiarii.testing import DOMAINS, SampleSpace


class Odd:
    """Holds what it is given."""

    def __init__(self, value, lost=None):
        self.value = value
        self._lost = lost


class Huge:
    def __repr__(self):
        return "x" * 10**7


class Slow(Dataset):
    """Must not be asked for anything."""

    def __init__(self, root):
        self.root = root

    def __len__(self):
        raise AssertionError("it was asked")

    __iter__ = __repr__ = __getitem__ = __len__


class Nameless:
    def __repr__(self):
        raise RuntimeError("no name")


def anything(model, **arguments):
    return 1.0


DATA = DataLoader(TensorDataset(torch.zeros(6, 2), torch.zeros(6)), 2, shuffle=True)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=30), max_leaves=60)


def shown(value):
    """A value as it is written down, which is JSON."""
    found = described(Odd(value))["arguments"]["value"]
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


@pytest.mark.parametrize("value", [None, True, 3, 2**80, 0.1, -0.0, "text", [1, "a", None], {"a": 1, "b": 0.5}, {}, []])
def test_plain_values_stay_as_they_are(value):
    assert shown(value) == value


@pytest.mark.parametrize(
    ("value", "shows"),
    [
        (math.nan, "nan"),
        ([math.inf], ["inf"]),
        ((1, (2, 3)), [1, [2, 3]]),
        ({1: {"deep": 2}}, {"1": {"deep": 2}}),
        (dict, "builtins.dict"),
        (json.dumps, "json.dumps"),
        (np.float64(0.5), 0.5),
        ({"b", "a"}, "{'a', 'b'}"),
        (nn.ValueChoice([1, 2]), "choice(1, 2)"),
        (nn.ValueChoice.loguniform(1e-3, 0.1, label="lr"), "loguniform(0.001, 0.1, label='lr')"),
        (nn.ValueChoice.randint(1, 3) * 2 + 1, "randint(1, 3) * 2 + 1"),
        (functools.partial(int, base=nn.ValueChoice([2, 8])), "partial(builtins.int, base=choice(2, 8))"),
        (SimpleNamespace(lr=0.1), {"class": "types.SimpleNamespace", "arguments": {"lr": 0.1}}),
        (np.arange(3), "ndarray of int64 (3,) [0, 1, 2]"),
        (torch.zeros(2), "Tensor of float32 (2,) [0.0, 0.0]"),
        (torch.zeros(5000), "Tensor of float32 (5000,)"),
        (torch.nn.CrossEntropyLoss(label_smoothing=0.1), "CrossEntropyLoss(label_smoothing=0.1)"),
        (
            DATA,
            "DataLoader(dataset=TensorDataset(len=6), batch_size=2, sampler=torch.utils.data.sampler.RandomSampler)",
        ),
        (EarlyStopping("val_loss", patience=7), "EarlyStopping(monitor='val_loss', patience=7)"),
        (object(), "<builtins.object>"),
    ],
)
def test_others_are_said_in_words(value, shows):
    assert shown(value) == shows


def nasty():
    """What would show where it is, take long, fail, or have no end."""
    cycle, wide = [], nn.ValueChoice([1, 2])
    cycle.append(cycle)
    for _ in range(60):
        wide = wide + wide
    objects = [Nameless(), Huge(), Slow("data"), object(), threading.Lock(), (i for i in [1]), cycle, wide, 10**6000]
    codes = [lambda: 1, Odd(1).__init__, functools.partial(Odd, object()), functools.lru_cache(len), [].append, Odd]
    held = [
        SimpleNamespace(odd=object()),
        np.array([object()]),
        {object(): object()},
        {object()},
        "x" * 10**6,
        b"x" * 999,
    ]
    return [*objects, *codes, *held, *[[0.5] * 10**6, {str(number): number for number in range(10**4)}]]


@pytest.mark.parametrize("value", nasty(), ids=lambda value: type(value).__name__)
def test_nothing_is_said_of_where_things_are_and_little_of_all_else(value):
    words = json.dumps(shown(value))
    assert "0x7" not in words
    assert str(id(value)) not in words
    assert len(words) < 1500


def test_however_much_a_part_holds_its_description_is_short():
    held = dict.fromkeys([f"argument {number}" for number in range(1000)], nasty())
    found = described(FunctionalEvaluator(anything, **held))
    assert len(json.dumps(found)) < 10_000
    other = described(FunctionalEvaluator(anything, **held | {"argument 999": 1}))
    assert differences(found, other)


@given(JSON, JSON)
def test_plain_values_differ_where_their_descriptions_do(one, other):
    assert (json.dumps(one) != json.dumps(other)) == bool(differences(shown(one), shown(other)))


def test_functions_are_known_by_name_and_source():
    def first():
        return 1

    named = "test_functions_are_known_by_name_and_source.<locals>.first (source "
    assert named in shown(first) == shown(first)
    before = shown(first)

    def first():
        return 2

    assert named in shown(first) != before


def test_what_a_function_is_made_with_counts():
    def made(rate):
        def score(model):
            return rate

        return score

    assert shown(made(0.1)).endswith(" where rate=0.1")
    assert shown(made(0.1)) == shown(made(0.1)) != shown(made(0.2))


@pytest.mark.parametrize("code", ["def score(m): return {}", "class score:\n def run(self, m): return {}"])
def test_code_without_source_is_known_by_what_it_does(code):
    def made(number):
        names = {"__name__": "prompt"}
        exec(code.format(number), names)  # noqa: S102  as a prompt does
        return shown(names["score"])

    assert made(1) == made(1) != made(2)
    assert re.fullmatch(r"prompt.score \(code \S+ [0-9a-f]{8}\)", made(1))


def test_what_an_object_does_not_hold_is_left_out():
    found = described(Odd(1, lost=2))
    assert (found["class"], found["arguments"]) == (f"{__name__}.Odd", {"value": 1})
    assert re.fullmatch("source [0-9a-f]{8}", found["code"])


def test_parts_of_a_search_are_called_by_class_and_arguments():
    assert described(RegularizedEvolution(population_size=7, sample_size=3)) == {
        "class": "retiarii.strategies.regularized_evolution.RegularizedEvolution",
        "arguments": {"population_size": 7, "sample_size": 3, "crossover": 0.0},
    }
    assert described(SequentialEngine())["arguments"] == {}
    evaluator = described(FunctionalEvaluator(len, argument="sample", rate=0.5, layers=[1, 2]))["arguments"]
    assert evaluator == {"function": "builtins.len", "argument": "sample", "rate": 0.5, "layers": [1, 2]}
    chain = described(Chain(TPE(gamma=2.0), Scalarized({"acc": 1.0})))["arguments"]
    assert chain["strategy"]["arguments"]["gamma"] == 2.0
    assert chain["middleware"][0]["arguments"] == {"score": {"acc": 1.0}}
    assert described(DARTS(second_order=True, warmup_epochs=3))["arguments"]["warmup_epochs"] == 3


PROGRAM = """
import functools, json, torch
from torch.utils.data import DataLoader, TensorDataset
from retiarii import nn
from retiarii.evaluators import Classification, FunctionalEvaluator
from retiarii.experiment.descriptions import described
from retiarii.strategies import TPE, Chain, Filter, Scalarized

class Config: pass

def score(model, **arguments): return 1.0

def describe():
    loader = DataLoader(TensorDataset(torch.zeros(6, 2), torch.zeros(6)), 2, shuffle=True)
    optimizer = functools.partial(torch.optim.SGD, momentum=0.9)
    trained = Classification(num_classes=2, optimizer=optimizer, train_dataloaders=loader, max_epochs=1)
    open_yet = {"lr": nn.ValueChoice([1, 2]), "cfg": Config(), "names": {"a", "b", "c", "d"}, "of": lambda x: x}
    strategy = Chain(TPE(), Scalarized(lambda metrics: 1.0), Filter(lambda sample: True))
    return json.dumps([*map(described, (trained, FunctionalEvaluator(score, **open_yet), strategy))])

if __name__ == "__main__":
    print(describe())
"""


def test_the_same_program_is_described_alike_in_every_process(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)

    def said(seed, *command):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        options = {"capture_output": True, "text": True, "cwd": tmp_path, "env": environment}
        return subprocess.run([sys.executable, *command], check=True, **options).stdout

    first = said("1", "program.py")
    assert first == said("2", "-c", "import threading, program as it; it.describe(); print(it.describe())")
    assert "choice(1, 2)" in first


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

    found = described(Never())
    assert (found["class"], found["arguments"]) == (f"{__name__}.{Never.__qualname__}", {})
    assert retiarii.Stopper is Stopper
