"""What is said of an evaluator that is another one than before."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from retiarii import nn
from retiarii.evaluator import Evaluator
from retiarii.evaluators import Classification
from retiarii.experiment.descriptions import described
from retiarii.experiment.others import differences

DATA = DataLoader(TensorDataset(torch.zeros(6, 2), torch.zeros(6)), 2, shuffle=True)


def classification(**arguments):
    given = {"num_classes": 10, "train_dataloaders": DATA, "max_epochs": 1, **arguments}
    return described(Classification(**given))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"learning_rate": 0.05}, ["learning_rate: was 0.001, is 0.05"]),
        ({"max_epochs": 8}, ["max_epochs: was 1, is 8"]),
        ({"num_classes": 3}, ["num_classes: was 10, is 3"]),
        ({"optimizer": torch.optim.SGD}, ["optimizer: was torch.optim.adam.Adam, is torch.optim.sgd.SGD"]),
        ({"precision": 16}, ["precision: was absent, is 16"]),
        ({"train_dataloaders": DataLoader(DATA.dataset, 2, shuffle=True)}, []),
        ({"learning_rate": nn.ValueChoice([1e-3])}, ["learning_rate: was 0.001, is choice(0.001)"]),
    ],
)
def test_what_has_changed_of_an_evaluator_is_named(arguments, said):
    assert differences(classification(), classification(**arguments)) == said


@pytest.mark.parametrize(
    ("was", "said"),
    [
        ({"train_dataloaders": "<torch.utils....x7fc7310711d0>", "datamodule": None}, []),
        ({"num_classes": 3}, ["num_classes: was 3, is 10"]),
        ({"arguments": {"max_epochs": 2, "learning_rate": "choice('<ValueChoice 1>')"}}, ["max_epochs: was 2, is 1"]),
        ({"criterion": "torch.nn.modules.loss.CrossEntropyLoss (source 12345678)"}, []),
    ],
)
def test_of_older_records_only_what_is_sure_is_compared(was, said):
    before = {"class": "retiarii.evaluators.classification.Classification", "arguments": was}
    assert differences(before, classification(), is_of_form=False) == said


def test_codes_of_other_pythons_are_not_compared():
    one, other = "a.f (code cpython-311 12345678)", "a.f (code cpython-312 87654321)"
    assert not differences({"function": one}, {"function": other})
    assert differences({"function": one}, {"function": one.replace("1234", "4321")})


def test_evaluators_of_ones_own_are_known_by_what_they_hold_and_do():
    class Own(Evaluator):
        def __init__(self, rate, **options):
            self.rate, self.options, self.calls = rate, options, 0

        def evaluate(self, model):
            self.calls += 1

    one, other = Own(0.1), Own(0.2)
    assert described(one)["arguments"] == {"rate": 0.1, "options": {}}
    one.evaluate(None)
    assert described(one) == described(Own(0.1))
    assert differences(described(one), described(other)) == ["rate: was 0.1, is 0.2"]
