"""Training of classifiers."""

from __future__ import annotations

import logging
import sys

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
        max_epochs=rnn.ValueChoice([1, 2]),
        **data,
    )
    experiment = Experiment(Points(), evaluator, Random(), max_trials=3, seed=0, directory=tmp_path)
    experiment.run(progress=False)
    assert {*experiment.trials[0].sample} == {"bias", "learning_rate", "weight_decay", "max_epochs"}
    assert [len(trial.intermediates) for trial in experiment.trials] == [
        t.sample["max_epochs"] for t in experiment.trials
    ]


def test_a_criterion_may_be_a_class_a_module_or_a_function(data, network):
    for criterion in (nn.CrossEntropyLoss, nn.CrossEntropyLoss(label_smoothing=0.1), nn.functional.cross_entropy):
        assert Classification(criterion, num_classes=2, max_epochs=1, **data).evaluate(network())["val_acc"] > 0


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


def test_an_error_of_the_criterion_says_what_it_got(points, network):
    inputs, targets = points.tensors
    loader = DataLoader(TensorDataset(inputs, targets + 1), 32)
    with pytest.raises(IndexError, match="out of bounds") as caught:
        Classification(num_classes=2, max_epochs=1, train_dataloaders=loader).evaluate(network())
    assert caught.value.__notes__ == ["the model gave (32, 2) torch.float32; the targets are (32,) torch.int64"]


def test_a_batch_has_to_be_a_pair(points, network):
    loader = DataLoader(TensorDataset(points.tensors[0], *points.tensors), 32)
    with pytest.raises(ValueError, match="too many values") as caught:
        Classification(num_classes=2, max_epochs=1, train_dataloaders=loader).evaluate(network())
    assert caught.value.__notes__ == ["a batch has to be a pair of inputs and targets, and is of list"]


def test_a_model_without_weights_is_an_error(data):
    with pytest.raises(ExperimentError, match="there is nothing to train: Identity has no trainable parameters"):
        Classification(num_classes=2, max_epochs=1, **data).evaluate(nn.Identity())
