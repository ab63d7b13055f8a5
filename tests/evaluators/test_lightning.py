"""Training by a LightningModule of the user's."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

import retiarii.nn as rnn
from retiarii import ExperimentError, MetricError
from retiarii.evaluators import Classification, Lightning


class Task(pl.LightningModule):
    """As users write them."""

    def __init__(self, model, smoothing=0.0, rate=0.1, max_epochs=None):
        super().__init__()
        self.model, self.smoothing, self.rate, self.epochs = model, smoothing, rate, max_epochs

    def training_step(self, batch, index):
        inputs, targets = batch
        loss = nn.functional.cross_entropy(self.model(inputs), targets, label_smoothing=self.smoothing)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, index):
        inputs, targets = batch
        self.log("val_error", (self.model(inputs).argmax(1) != targets).float().mean())
        self.log("val_nothing", torch.tensor(float("nan")))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.rate)


class Points(pl.LightningDataModule):
    def __init__(self, points, batch_size):
        super().__init__()
        self.points, self.batch_size = points, batch_size

    def train_dataloader(self):
        return DataLoader(self.points, self.batch_size, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.points, self.batch_size)


class Once(IterableDataset):
    """Examples that can be gone through only once."""

    def __init__(self, points):
        self.left = iter([points[index] for index in range(len(points))])

    def __iter__(self):
        return self.left


def test_any_module_that_takes_the_model_will_do(data, network):
    metrics = Lightning(Task, metric="val_error", smoothing=0.1, max_epochs=2, **data).evaluate(network())
    assert [*metrics] == ["val_error", "train_loss"], "the objective first, and no value that is no number"


def test_a_function_may_make_it(data, network):
    evaluator = Lightning(lambda model, rate: Task(model, rate=rate), metric="val_error", rate=0.5, **data)
    assert evaluator.task(network()).rate == 0.5
    assert repr(evaluator) == "Lightning(test_a_function_may_make_it.<locals>.<lambda>)"


def test_arguments_go_to_all_who_take_them(points, network):
    evaluator = Lightning(
        Task,
        metric="val_error",
        rate=0.5,
        max_epochs=2,
        batch_size=16,
        datamodule=lambda batch_size: Points(points, batch_size),
    )
    task = evaluator.task(network())
    assert (task.rate, task.smoothing, task.epochs) == (0.5, 0.0, 2)
    assert evaluator.trainer().max_epochs == 2
    assert evaluator.data()["datamodule"].batch_size == 16
    assert evaluator.decided({"batch_size": 8}).data()["datamodule"].batch_size == 8
    assert evaluator.data()["datamodule"].batch_size == 16
    assert "val_error" in evaluator.evaluate(network())


def test_loaders_may_be_made_by_functions(points, network):
    def train(batch_size):
        return DataLoader(points, batch_size)

    evaluator = Lightning(
        Task,
        metric="val_error",
        max_epochs=1,
        batch_size=16,
        train_dataloaders=train,
        val_dataloaders=DataLoader(points, 32),
    )
    made = evaluator.data()
    assert [len(made["train_dataloaders"]), len(made["val_dataloaders"])] == [6, 3]
    assert "val_error" in evaluator.evaluate(network())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            {"metric": "val_error", "smothing": 0.1},
            r"'smothing' is no argument of Task or Trainer; did you mean 'smoothing'",
        ),
        ({"metric": "val_quality"}, r"metric='val_quality' does not say whether more of it is better: give metric=\{"),
        ({"metric": "val_error", "datamodule": Points}, "there are loaders and a datamodule: give either"),
    ],
)
def test_unusable_arguments_are_refused(data, arguments, said):
    with pytest.raises(ExperimentError, match=said):
        Lightning(Task, **arguments, **data)


def test_what_a_function_needs_has_to_be_given(points):
    with pytest.raises(ExperimentError, match="Points needs 'points', 'batch_size', which the evaluator was not given"):
        Lightning(Task, metric="val_error", datamodule=Points)
    with pytest.raises(
        ExperimentError, match="there is nothing to train with: give train_dataloaders, or a datamodule"
    ):
        Lightning(Task, metric="val_error")


def test_a_module_that_is_made_already_is_refused(data, network):
    with pytest.raises(
        ExperimentError, match="Lightning got a Task as its module; give the class of a LightningModule"
    ):
        Lightning(Task(network()), metric="val_error", **data)
    with pytest.raises(
        ExperimentError, match=r"Identity made Identity, which is no pytorch_lightning\.LightningModule"
    ):
        Lightning(nn.Identity, metric="val_error", **data).evaluate(network())


@pytest.mark.parametrize(
    ("loader", "said"),
    [
        (
            lambda points: (batch for batch in [points]),
            "has a generator, which is exhausted after one epoch of one trial",
        ),
        (lambda points: DataLoader(points, 512, drop_last=True), "has a DataLoader without batches"),
        (lambda points: [points.tensors], "has a Tensor, which is no loader"),
        (lambda points: [DataLoader(points), 7], "has a int, which is no loader: give a DataLoader"),
    ],
)
def test_loaders_that_cannot_be_gone_through_again_are_refused(points, loader, said):
    with pytest.raises(ExperimentError, match=said):
        Lightning(Task, metric="val_error", train_dataloaders=loader(points))


def test_a_metric_that_is_not_logged_is_an_error_with_those_that_are(data, network):
    with pytest.raises(
        MetricError, match="has logged no 'val_acc'; it has logged 'train_loss', 'val_error', 'val_nothing'"
    ):
        Lightning(Task, metric="val_acc", max_epochs=1, **data).evaluate(network())


def test_a_metric_that_is_no_number_is_an_error(data, network):
    with pytest.raises(MetricError, match="the metric 'val_nothing' is nan; expected a finite number"):
        Lightning(Task, metric={"val_nothing": "maximize"}, max_epochs=1, **data).evaluate(network())


def test_a_training_without_steps_is_an_error(data, network):
    with pytest.raises(MetricError, match="it has logged nothing; it had no step"):
        Lightning(Task, metric="val_error", max_epochs=1, limit_train_batches=0, **data).evaluate(network())


def test_a_training_without_validation_is_an_error(data, network):
    with pytest.raises(MetricError, match="there was no validation: limit_val_batches is 0"):
        Lightning(Task, metric="val_error", max_epochs=1, limit_val_batches=0, **data).evaluate(network())


def test_the_module_may_have_the_loaders(data, network):
    class Own(Task):
        def train_dataloader(self):
            return data["train_dataloaders"]

        def val_dataloader(self):
            return data["val_dataloaders"]

    assert "val_error" in Lightning(Own, metric="val_error", max_epochs=1).evaluate(network())


def test_a_choice_needs_an_experiment(data, network):
    evaluator = Lightning(Task, metric="val_error", rate=rnn.ValueChoice([0.1, 0.2]), max_epochs=1, **data)
    with pytest.raises(
        ExperimentError, match=r"'rate' is left open, which an Experiment decides; without one give a value"
    ):
        evaluator.evaluate(network())
    assert "val_error" in evaluator.decided({"rate": 0.1}).evaluate(network())


def test_it_says_nothing_about_tasks_in_each_trial(data, network, tmp_path, recwarn):
    class Saved(Task):
        def __init__(self, model):
            super().__init__(model)
            self.save_hyperparameters()

    logger = CSVLogger(tmp_path)
    Lightning(Saved, metric="val_error", max_epochs=1, logger=logger, **data).evaluate(network())
    assert not recwarn.list


def test_a_training_that_ends_before_the_first_validation_is_an_error(data, network):
    with pytest.raises(MetricError, match="it ended after 2 steps, before the first validation: see max_steps"):
        Lightning(Task, metric="val_error", max_steps=2, **data).evaluate(network())


def test_a_loss_that_is_no_number_ends_the_training(data, network):
    class Later(Task):
        def training_step(self, batch, index):
            loss = super().training_step(batch, index)
            return loss * float("nan") if (self.current_epoch, index) == (1, 2) else loss

    with pytest.raises(MetricError, match=r"the training loss is nan at step 5 \(epoch 1, batch 2; all from 0\)"):
        Lightning(Later, metric="val_error", max_epochs=3, **data).evaluate(network())


@pytest.mark.parametrize("which", ["train_dataloaders", "val_dataloaders"])
def test_a_loader_that_is_exhausted_ends_the_training(points, data, network, which):
    word = "training" if which == "train_dataloaders" else "validation"
    evaluator = Lightning(Task, metric="val_error", max_epochs=3, **{**data, which: DataLoader(Once(points), 32)})
    with pytest.raises(MetricError, match=rf"the {word} loader gave no batch in epoch 1 \(from 0\)"):
        evaluator.evaluate(network())


def test_it_is_sent_to_spawned_processes(data, network):
    evaluator = Classification(num_classes=2, max_epochs=2, **data)
    here = evaluator.evaluate(network())
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        assert processes.submit(evaluator.evaluate, network()).result(timeout=120) == here


def test_what_a_callback_notes_stays_its_own(data, network):
    class Noting(pl.Callback):
        def __init__(self):
            self.trainer, self.log = None, ["a"]

        def on_train_end(self, trainer, pl_module):
            self.trainer = self.trainer or trainer

    noting = Noting()
    evaluator = Lightning(Task, metric="val_error", max_epochs=1, callbacks=[noting], **data)
    first = evaluator.evaluate(network())
    evaluator.evaluate(network())
    assert noting.trainer.callback_metrics["val_error"].item() == first["val_error"]
    assert noting.log == ["a"]


def test_a_training_leaves_nothing_behind_that_is_sent(points, network):
    callback = pl.Callback()
    evaluator = Classification(
        num_classes=2, max_epochs=1, datamodule=Points(points, 32), callbacks=[callback], enable_model_summary=False
    )
    before = len(pickle.dumps(evaluator))
    evaluator.evaluate(network())
    assert vars(callback) == {}
    assert len(pickle.dumps(evaluator)) < before + 500
