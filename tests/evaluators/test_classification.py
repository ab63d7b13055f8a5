"""Training of classifiers."""

from __future__ import annotations

import logging
import sys
from functools import partial

import pytest
import torch
from onnx.reference import ReferenceEvaluator
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import retiarii.nn as rnn
from retiarii import Experiment, ExperimentError, MetricError, ModelSpace
from retiarii.evaluator import Reporting
from retiarii.evaluators import Classification
from retiarii.strategies import GridSearch, Random


class Digits(ModelSpace):
    def __init__(self):
        super().__init__()
        width = rnn.ValueChoice([8, 64], label="width")
        self.hidden, self.head = rnn.Linear(64, width), rnn.Linear(width, 10)

    def forward(self, images):
        return self.head(torch.relu(self.hidden(images)))


def test_a_search_over_digits(digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train, valid = digits
    evaluator = Classification(
        num_classes=10,
        learning_rate=1e-2,
        max_epochs=3,
        train_dataloaders=DataLoader(train, 128, shuffle=True),
        val_dataloaders=DataLoader(valid, 256),
    )
    experiment = Experiment(Digits(), evaluator, GridSearch(), seed=0, directory=tmp_path, name="digits")
    experiment.run(progress=False)
    best = experiment.best
    assert [*best.metrics] == ["val_acc", "val_loss", "train_loss"]
    assert best.metric > 0.85
    assert best.sample == {"width": 64}
    assert [len(trial.intermediates) for trial in experiment.trials] == [3, 3]
    assert best.intermediates[-1] == best.metrics
    assert [path.name for path in tmp_path.iterdir()] == ["digits"], "nothing is written that nobody asked for"
    assert not [*(tmp_path / "digits").glob("trials")]


def test_it_is_quiet_and_leaves_logging_as_it_was(data, network, capfd):
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric", "")]
    before = [(logger.level, [*logger.handlers], [*logger.filters], logger.propagate) for logger in loggers]
    Classification(num_classes=2, max_epochs=2, **data).evaluate(network())
    assert [(logger.level, [*logger.handlers], [*logger.filters], logger.propagate) for logger in loggers] == before
    assert capfd.readouterr() == ("", "")


def test_a_bar_is_shown_to_whoever_asks_for_it(data, network, capfd):
    Classification(num_classes=2, max_epochs=1, enable_progress_bar=True, **data).evaluate(network())
    shown = "".join(capfd.readouterr())
    assert "Epoch" in shown
    assert "val_loss" in shown


def test_the_same_seed_gives_the_same_bits(points, data, network):
    def metrics(evaluator):
        model = nn.Sequential(network(8), nn.Dropout(0.5), nn.Linear(8, 2))
        torch.manual_seed(3)
        return evaluator.evaluate(model)

    own_order = Classification(num_classes=2, max_epochs=2, **data)
    global_order = Classification(num_classes=2, max_epochs=2, train_dataloaders=DataLoader(points, 32, shuffle=True))
    assert metrics(own_order) == metrics(own_order)
    assert metrics(global_order) == metrics(global_order)


def test_without_validation_training_is_scored(points, network):
    evaluator = Classification(num_classes=2, max_epochs=1, train_dataloaders=DataLoader(points, 32))
    assert evaluator.objectives == {"train_acc": "maximize"}
    assert [*evaluator.evaluate(network())] == ["train_acc", "train_loss"]


def test_the_accuracy_is_the_share_of_right_answers(points, data):
    model = nn.Linear(2, 2)
    evaluator = Classification(num_classes=2, learning_rate=0.1, max_epochs=1, **data)
    metrics = evaluator.evaluate(model)
    inputs, targets = points.tensors
    with torch.no_grad():
        outputs = model(inputs)
    assert metrics["val_acc"] == pytest.approx((outputs.argmax(1) == targets).float().mean().item())
    assert metrics["val_loss"] == pytest.approx(nn.functional.cross_entropy(outputs, targets).item())


def test_what_is_left_open_is_searched(data, tmp_path):
    class Points(ModelSpace):
        def __init__(self):
            super().__init__()
            self.layer = rnn.Linear(2, 2, bias=rnn.ValueChoice([True, False], label="bias"))

        def forward(self, inputs):
            return self.layer(inputs)

    evaluator = Classification(
        num_classes=2,
        learning_rate=rnn.ValueChoice.loguniform(1e-3, 1e-1),
        weight_decay=rnn.ValueChoice([0.0, 0.1]),
        optimizer=rnn.ValueChoice(["SGD", "Adam"]),
        max_epochs=rnn.ValueChoice([1, 2]),
        **data,
    )
    experiment = Experiment(Points(), evaluator, Random(), max_trials=3, seed=0, directory=tmp_path)
    experiment.run(progress=False)
    assert {*experiment.trials[0].sample} == {"bias", "learning_rate", "weight_decay", "optimizer", "max_epochs"}
    assert [len(trial.intermediates) for trial in experiment.trials] == [
        t.sample["max_epochs"] for t in experiment.trials
    ]


def test_what_is_deterministic_ends_with_the_training(data, network):
    Classification(num_classes=2, max_epochs=1, deterministic=True, **data).evaluate(network())
    assert not torch.are_deterministic_algorithms_enabled()


def test_mixed_precision_and_clipping_are_the_trainers(data, network):
    evaluator = Classification(num_classes=2, max_epochs=1, precision="bf16-mixed", gradient_clip_val=1.0, **data)
    trainer = evaluator.trainer()
    assert (trainer.precision, trainer.gradient_clip_val) == ("bf16-mixed", 1.0)
    assert evaluator.evaluate(network())["val_acc"] > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, r"num_classes is None; give the number of classes, as in num_classes=10"),
        ({"num_classes": "ten"}, r"num_classes is 'ten'"),
        ({"num_classes": 2, "max_epoch": 3}, r"'max_epoch' is no argument of Classification or Trainer; did you mean "),
        (
            {"num_classes": 2, "lr": 0.1},
            r"'lr' is no argument of .*; Classification takes 'criterion', 'learning_rate', ",
        ),
        ({"num_classes": 2, "learning_rate": "0.1"}, r"learning_rate is '0\.1'; give a number"),
        ({"num_classes": 2, "criterion": "ce"}, r"criterion is 'ce'; give a loss"),
        ({"num_classes": 2, "optimizer": "sgd"}, r"optimizer is 'sgd'; give a class"),
        (
            {"num_classes": 2, "optimizer": torch.optim.SGD(nn.Linear(1, 1).parameters())},
            r"give the class: optimizer=torch\.optim\.SGD",
        ),
    ],
)
def test_unusable_arguments_are_refused(data, arguments, said):
    with pytest.raises(ExperimentError, match=said):
        Classification(**arguments, **data)


def test_onnx_says_what_it_needs(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ExperimentError, match=r"export_onnx=True needs .*onnxscript: pip install 'retiarii\[onnx\]'"):
        Classification(num_classes=2, export_onnx=True, **data)


def test_a_trained_model_is_kept_as_onnx(data, network, points, tmp_path, capfd):
    model = network()
    with Reporting(lambda report: None, tmp_path / "7") as reporting:
        Classification(num_classes=2, max_epochs=1, export_onnx=True, **data).evaluate(model)
    assert reporting.files == {"onnx": str(tmp_path / "7" / "model.onnx")}
    inputs = points.tensors[0][:5]
    exported = ReferenceEvaluator(reporting.files["onnx"])
    (outputs,) = exported.run(None, {exported.input_names[0]: inputs.numpy()})
    torch.testing.assert_close(torch.tensor(outputs), model(inputs).detach())
    assert capfd.readouterr() == ("", "")


def test_outputs_of_another_number_of_classes_are_an_error(data, network):
    with pytest.raises(
        MetricError, match=r"the model gave \(32, 3\) torch.float32 for 32 targets, and num_classes is 2"
    ):
        Classification(num_classes=2, **data, max_epochs=1).evaluate(network(3))


def scored(points, network, change, **arguments):
    inputs, targets = points.tensors
    loader = DataLoader(TensorDataset(inputs, change(targets)), 32)
    evaluator = Classification(
        num_classes=2, learning_rate=0.1, max_epochs=2, train_dataloaders=loader, val_dataloaders=loader, **arguments
    )
    return evaluator.evaluate(network())


def test_targets_may_be_probabilities(points, network):
    numbers = scored(points, network, lambda targets: targets)
    whole = scored(points, network, lambda targets: nn.functional.one_hot(targets).float())
    assert whole == pytest.approx(numbers)
    smooth = scored(points, network, lambda targets: nn.functional.one_hot(targets) * 0.8 + 0.1)
    assert smooth["val_acc"] > 0.8
    with pytest.raises(MetricError, match="the targets for all classes of an example sum to 2 to 2, and not to 1"):
        scored(points, network, lambda targets: torch.ones(len(targets), 2), criterion=nn.BCEWithLogitsLoss)


@pytest.mark.parametrize(
    ("criterion", "ignored"),
    [
        (nn.CrossEntropyLoss, -100),
        (nn.CrossEntropyLoss(ignore_index=7), 7),
        (partial(nn.functional.cross_entropy, ignore_index=7), 7),
    ],
)
def test_targets_that_the_criterion_ignores_are_not_counted(points, network, criterion, ignored):
    def change(targets):
        return torch.where(torch.arange(len(targets)) % 2 == 0, targets, ignored)

    assert scored(points, network, change, criterion=criterion)["val_acc"] > 0.8


def test_targets_of_another_shape_are_an_error(points, network):
    with pytest.raises(
        MetricError, match=r"the targets are \(32, 1\) .*; they have to be the numbers .* of shape \(32,\)"
    ):
        scored(points, network, lambda targets: targets[:, None])


def test_outputs_that_are_no_tensor_are_an_error(points, network):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network()

        def forward(self, inputs):
            return self.inner(inputs), inputs

    with pytest.raises(MetricError, match="the model gave a tuple of Tensor, Tensor for 32 targets"):
        scored(points, Two, lambda targets: targets)
