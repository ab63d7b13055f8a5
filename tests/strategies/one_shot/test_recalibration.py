"""Batch norms get the statistics of one model by batches as in training, and nothing else remembers these."""

from __future__ import annotations

from collections import defaultdict

import pytest
import pytorch_lightning as pl
import torch
import torchmetrics
from one_shot_plain import Space, Task
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from retiarii.evaluators import Lightning
from retiarii.one_shot import Session
from retiarii.strategies import RandomOneShot


def data(count, offset=0.0):
    generator = torch.Generator().manual_seed(count)
    x = torch.randn(count, 4, generator=generator) + offset
    return TensorDataset(x, (x[:, 0] > 0).long())


def trained(task, directory, *, space=None, **settings):
    given = {"train_dataloaders": DataLoader(data(24), 8, shuffle=True), "val_dataloaders": DataLoader(data(16), 8)}
    scorer = Lightning(task, metric="val_loss", max_epochs=1, **{**given, **settings})
    session = Session(seed=0, folder=directory, objectives=scorer.objectives)
    return RandomOneShot().train(Space() if space is None else space, scorer, session).evaluator


class Remembering(Task):
    """Keeps what it sees in all the ways that Python has."""

    def __init__(self, model):
        super().__init__(model)
        self.outs, self.seen = [], 0
        self.by_class = defaultdict(list)
        self.nested = {"sets": {0}, "lists": [[]]}
        self.accuracy = torchmetrics.MeanMetric()
        self.register_buffer("center", torch.zeros(2))
        self.training_seen = []

    def note(self, batch):
        out = self.model(batch[0]).detach()
        self.seen += len(out)
        self.outs.append(out)
        self.by_class["all"].append(len(out))
        self.nested["sets"].add(self.seen)
        self.nested["lists"][0].append(1)
        self.accuracy.update(out.mean())
        self.center += 1
        self.last = out

    def training_step(self, batch, batch_idx):
        if self.trainer.state.fn == "validate":
            self.note(batch)
        return super().training_step(batch, batch_idx)

    def validation_step(self, batch, batch_idx):
        if self.trainer.state.fn == "validate":
            assert len(self.outs) == batch_idx
            self.outs.append(batch[0])
        super().validation_step(batch, batch_idx)

    def on_validation_epoch_end(self):
        self.outs.clear()


def test_a_task_remembers_nothing_of_it(tmp_path):
    scorer = trained(Remembering, tmp_path)
    task = scorer.module.task
    lists = task.nested["lists"]
    scorer.evaluate({"width": 2})
    assert (task.seen, task.outs, task.by_class) == (0, [], {})
    assert task.nested == {"sets": {0}, "lists": [[]]}
    assert task.nested["lists"] is lists
    assert not hasattr(task, "last")
    assert task.accuracy.update_count == 0
    assert torch.equal(task.center, torch.zeros(2))


class Transferring(Task):
    def __init__(self, model):
        super().__init__(model)
        self.means = defaultdict(list)

    def on_before_batch_transfer(self, batch, dataloader_idx):
        return [batch[0] * 5, batch[1]]

    def on_after_batch_transfer(self, batch, dataloader_idx):
        MEANS[self.trainer.state.stage.value].append(float(batch[0].mean()))
        return [batch[0] + (100 if self.trainer.training else 0), batch[1]]


MEANS = defaultdict(list)


def largest(scorer, x):
    """What the first layer computes with all its weights."""
    layer = scorer.module.supernet.space.body[0]
    return functional.linear(x.to(layer.weight.dtype), layer.weight, layer.bias)


def running_mean(scorer, sample):
    """The mean that the batch norm has while a model is validated."""
    seen = {}
    norm = scorer.module.supernet.space.body[1]

    def note(module, inputs):
        if not norm.training:
            seen["mean"] = norm.running_mean.clone()

    handle = norm.register_forward_pre_hook(note)
    before = norm.running_mean.clone()
    scorer.evaluate(sample)
    handle.remove()
    assert torch.equal(before, norm.running_mean)
    return seen["mean"]


def test_batches_go_through_the_hooks_as_in_training(tmp_path):
    MEANS.clear()
    scorer = trained(Transferring, tmp_path)
    MEANS.clear()
    mean = running_mean(scorer, {"width": 4})
    x = data(24).tensors[0] * 5 + 100
    with torch.no_grad():
        expected = largest(scorer, x).mean(0)
    torch.testing.assert_close(mean, expected, rtol=1e-4, atol=1e-3)
    assert (len(MEANS["train"]), len(MEANS["validate"])) == (3, 2)


class Normalised(Task):
    """Has a batch norm of its own, beside the model."""

    def __init__(self, model):
        super().__init__(model)
        self.norm = torch.nn.BatchNorm1d(4)

    def training_step(self, batch, batch_idx):
        return super().training_step([self.norm(batch[0]), batch[1]], batch_idx)

    def validation_step(self, batch, batch_idx):
        self.seen = self.norm.running_mean.clone()
        super().validation_step([self.norm(batch[0]), batch[1]], batch_idx)


def test_batch_norms_of_the_task_count(tmp_path):
    task = (scorer := trained(Normalised, tmp_path)).module.task
    before = task.norm.running_mean.clone()
    scorer.evaluate({"width": 2})
    torch.testing.assert_close(task.seen, data(24).tensors[0].mean(0))
    assert torch.equal(task.norm.running_mean, before)


class Hooked(pl.LightningDataModule):
    """A data module whose hook, not the task's, prepares the batches."""

    def train_dataloader(self):
        return DataLoader(data(24), 8)

    def val_dataloader(self):
        return DataLoader(data(16), 8)

    def on_after_batch_transfer(self, batch, dataloader_idx):
        return [batch[0] + 7, batch[1]]


def test_the_hooks_of_a_data_module_count(tmp_path):
    scorer = trained(Task, tmp_path, train_dataloaders=None, val_dataloaders=None, datamodule=Hooked)
    with torch.no_grad():
        expected = largest(scorer, data(24).tensors[0] + 7).mean(0)
    torch.testing.assert_close(running_mean(scorer, {"width": 4}), expected, rtol=1e-4, atol=1e-4)


class OtherBatches(Task):
    """Training batches differ from those of validation, and a step asks for rates and the length of the training."""

    def training_step(self, batch, batch_idx):
        (x, y), weights = batch["labelled"], batch["weights"][0]
        self.log("rate", self.lr_schedulers().get_last_lr()[0])
        assert self.optimizers().param_groups[0]["lr"] <= 0.1
        return (functional.cross_entropy(self.model(x), y, reduction="none") * weights).mean()

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), 0.1)
        steps = self.trainer.estimated_stepping_batches
        return [optimizer], [torch.optim.lr_scheduler.LinearLR(optimizer, total_iters=steps)]


def test_training_batches_go_through_the_training_step(tmp_path):
    given = {"labelled": DataLoader(data(24), 8), "weights": DataLoader(TensorDataset(torch.ones(24)), 8)}
    trained(OtherBatches, tmp_path, train_dataloaders=given).evaluate({"width": 2})
    loaded = trained(OtherBatches, tmp_path, train_dataloaders=given)
    assert loaded.evaluate({"width": 2}) == loaded.evaluate({"width": 2})


@pytest.mark.parametrize("precision", ["64-true", "bf16-true", "bf16-mixed"])
def test_precisions(precision, tmp_path):
    scorer = trained(Task, tmp_path, precision=precision)
    mean = running_mean(scorer, {"width": 4})
    with torch.no_grad():
        expected = largest(scorer, data(24).tensors[0]).mean(0)
    torch.testing.assert_close(mean.float(), expected.float(), rtol=0.05, atol=0.01)


class Drawing(Task):
    """Models draw differently many numbers; that must not change what is drawn later."""

    def training_step(self, batch, batch_idx):
        torch.rand(int(self.model(batch[0]).argmax(1).sum()) + batch_idx)
        return super().training_step(batch, batch_idx)

    def validation_step(self, batch, batch_idx):
        DRAWN.append(float(torch.rand(())))
        super().validation_step(batch, batch_idx)


DRAWN = []


def test_all_models_see_the_same(tmp_path):
    own = torch.Generator()
    given = DataLoader(data(24), 8, shuffle=True, generator=own)
    scorer = trained(Drawing, tmp_path, train_dataloaders=given)
    seen, means = [], []
    for width in (2, 4, 2):
        DRAWN.clear()
        means.append(running_mean(scorer, {"width": width})[:2])
        seen.append(list(DRAWN))
    assert seen[0] == seen[1] == seen[2]
    assert torch.equal(means[0], means[2])
