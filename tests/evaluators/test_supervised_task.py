"""What classification and regression have in common."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import retiarii.nn as rnn
from retiarii import ExperimentError
from retiarii.evaluators import Classification


def test_a_criterion_may_be_a_class_a_module_or_a_function(data, network):
    for criterion in (nn.CrossEntropyLoss, nn.CrossEntropyLoss(label_smoothing=0.1), nn.functional.cross_entropy):
        assert Classification(criterion, num_classes=2, max_epochs=1, **data).evaluate(network())["val_acc"] > 0


def test_an_optimizer_may_know_no_weight_decay(data, network):
    task = Classification(num_classes=2, optimizer=torch.optim.Rprop, **data).task(network())
    assert isinstance(task.configure_optimizers(), torch.optim.Rprop)
    decaying = Classification(num_classes=2, optimizer=torch.optim.Rprop, weight_decay=0.1, **data).task(network())
    with pytest.raises(TypeError, match="weight_decay"):
        decaying.configure_optimizers()
    assert (
        Classification(num_classes=2, optimizer="AdamW", **data)
        .task(network())
        .configure_optimizers()
        .defaults["weight_decay"]
        == 0.0
    )


def test_an_error_of_the_criterion_says_what_it_got(points, network):
    inputs, targets = points.tensors
    loader = DataLoader(TensorDataset(inputs, targets + 1), 32)
    with pytest.raises(IndexError, match="out of bounds") as caught:
        Classification(num_classes=2, max_epochs=1, train_dataloaders=loader).evaluate(network())
    assert caught.value.__notes__ == ["the model gave (32, 2) torch.float32; the targets are (32,) torch.int64"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (lambda x, y: (x, x, y), "list of Tensor, Tensor, Tensor"),
        (lambda x, y: {"x": x, "y": y}, "dict of 'x', 'y'"),
        (lambda x, y: (x, {"y": y}), "list of Tensor, dict"),
        (lambda x, y: x, r"\(32, 2\) torch.float32"),
    ],
)
def test_a_batch_has_to_be_a_pair(points, network, rows, said):
    loader = DataLoader([rows(*point) for point in points], 32)
    with pytest.raises(
        ExperimentError, match=f"a batch has to be a pair of inputs and a tensor of targets, and is .*{said}"
    ):
        Classification(num_classes=2, max_epochs=1, train_dataloaders=loader).evaluate(network())


def test_several_loaders_at_once_are_refused(data, points, network):
    loader = data["val_dataloaders"]
    for name in data:
        with pytest.raises(ExperimentError, match="there are several loaders at once: give one"):
            Classification(num_classes=2, **{**data, name: [loader, loader]})
    evaluator = Classification(
        num_classes=2, max_epochs=1, **{**data, "val_dataloaders": lambda: {"a": loader, "b": loader}}
    )
    with pytest.raises(ExperimentError, match="there are several loaders at once: give one"):
        evaluator.evaluate(network())


def test_optimizers_and_losses_have_names(data, network):
    evaluator = Classification("NLLLoss", num_classes=2, optimizer="SGD", **data)
    task = evaluator.task(network())
    assert isinstance(task.criterion, nn.NLLLoss)
    assert isinstance(task.configure_optimizers(), torch.optim.SGD)
    with pytest.raises(ExperimentError, match=r"optimizer is 'Adm'; give a class, as in .* or its name 'SGD'"):
        Classification(num_classes=2, optimizer=rnn.ValueChoice(["SGD", "Adm"]), **data)
    with pytest.raises(ExperimentError, match="optimizer is 'lr_scheduler'"):
        Classification(num_classes=2, optimizer="lr_scheduler", **data)


def test_a_model_without_weights_is_an_error(data):
    with pytest.raises(ExperimentError, match="there is nothing to train: Identity has no trainable parameters"):
        Classification(num_classes=2, max_epochs=1, **data).evaluate(nn.Identity())
