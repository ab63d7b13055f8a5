"""Training of models that give numbers."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

import retiarii.nn as rnn
from retiarii import Experiment, MetricError, ModelSpace
from retiarii.evaluators import Regression
from retiarii.strategies import GridSearch


class Diabetes(ModelSpace):
    def __init__(self):
        super().__init__()
        width = rnn.ValueChoice([1, 32], label="width")
        self.hidden, self.head = rnn.Linear(10, width), rnn.Linear(width, 1)

    def forward(self, inputs):
        return self.head(torch.relu(self.hidden(inputs)))


def test_the_smallest_error_is_the_best(diabetes, tmp_path):
    train, valid = diabetes
    evaluator = Regression(
        learning_rate=1e-2,
        max_epochs=5,
        train_dataloaders=DataLoader(train, 64, shuffle=True),
        val_dataloaders=DataLoader(valid, 256),
    )
    experiment = Experiment(Diabetes(), evaluator, GridSearch(), seed=0, directory=tmp_path)
    experiment.run(progress=False)
    assert experiment.best.metric == min(trial.metric for trial in experiment.trials) < 0.6
    assert [*experiment.best.metrics] == ["val_mse", "val_loss", "train_loss"]


def test_the_metric_is_the_squared_error_whatever_the_criterion(diabetes):
    train, valid = diabetes
    model = nn.Linear(10, 1)
    loader = DataLoader(valid, 50)
    evaluator = Regression(nn.L1Loss, max_epochs=1, train_dataloaders=DataLoader(train, 64), val_dataloaders=loader)
    metrics = evaluator.evaluate(model)
    inputs, targets = (torch.stack(parts) for parts in zip(*valid, strict=True))
    with torch.no_grad():
        assert metrics["val_mse"] == pytest.approx(nn.functional.mse_loss(model(inputs), targets).item(), rel=1e-5)
        assert metrics["val_loss"] == pytest.approx(nn.functional.l1_loss(model(inputs), targets).item(), rel=1e-5)


def test_targets_of_another_shape_are_an_error_and_not_broadcast(data, network):
    with pytest.raises(MetricError, match=r"gave \(32, 1\) torch.float32, and the targets are \(32,\) .*y\[:, None\]"):
        Regression(max_epochs=1, **data).evaluate(network(1))
