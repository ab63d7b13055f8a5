"""Architectures are scored as the user's trainer validates, with the data of the training and nothing left behind."""

from __future__ import annotations

import pathlib

import pytest
import pytorch_lightning as pl
import torch
from one_shot_plain import Task
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset, random_split

from retiarii import Experiment, ModelSpace, nn
from retiarii.evaluators import Lightning
from retiarii.strategies import DARTS, ENAS, RandomOneShot


class Space(ModelSpace):
    def __init__(self):
        super().__init__()
        depth = nn.ValueChoice([1, 2], label="depth")
        self.blocks = nn.Repeat(lambda index: nn.Sequential(nn.Linear(4, 4), nn.ReLU()), depth)
        self.pick = nn.LayerChoice([nn.Linear(4, 2), nn.Linear(4, 2, bias=False)], label="pick")

    def forward(self, x):
        return self.pick(self.blocks(x))


def dataset(count=32):
    x = torch.randn(count, 4, generator=torch.Generator().manual_seed(0))
    x[:, 3] = torch.arange(count) / count
    return TensorDataset(x, (x[:, 0] > 0).long())


def loaders():
    return {"train_dataloaders": DataLoader(dataset(), 8), "val_dataloaders": DataLoader(dataset(), 8)}


def run(task, directory, *, strategy=None, trials=2, metric="val_loss", epochs=1, **settings):
    data = {} if "datamodule" in settings else loaders()
    scorer = Lightning(task, metric=metric, max_epochs=epochs, **{**data, **settings})
    searched = RandomOneShot() if strategy is None else strategy
    experiment = Experiment(Space(), scorer, searched, seed=0, directory=directory, name="one", max_trials=trials)
    experiment.run(progress=False)
    assert len(experiment.trials) == trials
    assert not [trial.error for trial in experiment.trials if trial.error]
    return experiment


@pytest.mark.parametrize("monitor", [None, "val_loss"])
def test_checkpoints_and_early_stopping_are_the_trainings_affair(monitor, tmp_path):
    kept = ModelCheckpoint(dirpath=tmp_path / "kept", monitor=monitor)
    run(Task, tmp_path, callbacks=[kept, EarlyStopping("val_loss")])
    assert [str(path) for path in (tmp_path / "kept").iterdir()] == [kept.best_model_path]


class Logging(Task):
    def on_validation_epoch_end(self):
        self.logger.log_metrics({"own": 1.0})
        self.logger.experiment.add_image("nothing")


class WithImages(CSVLogger):
    @property
    def experiment(self):
        made = super().experiment
        made.add_image = lambda name: None
        return made


def test_a_task_may_use_its_logger_which_hears_of_the_training_alone(tmp_path):
    logger = WithImages(tmp_path / "logs", name="", version="")
    run(Logging, tmp_path, logger=logger)
    lines = (tmp_path / "logs" / "metrics.csv").read_text().splitlines()
    assert sum("1.0" in line for line in lines) == 1


class Arguments(Task):
    def __init__(self, model, folder):
        super().__init__(model)
        self.save_hyperparameters(ignore=["model"])
        self.folder = folder


class Asking(pl.Callback):
    """Looks for the user's module in the one that it gets."""

    def __init__(self):
        self.seen = None

    def on_train_epoch_end(self, trainer, pl_module):
        self.seen = pl_module.folder, pl_module.hparams["folder"], pl_module.model

    def on_validation_epoch_end(self, trainer, pl_module):
        pl_module.log("val_own", float(len(pl_module.folder)))


def test_callbacks_and_loggers_see_what_is_the_tasks(tmp_path):
    asking = Asking()
    logger = CSVLogger(tmp_path / "logs", name="", version="")
    folder = pathlib.Path("x")
    experiment = run(Arguments, tmp_path, callbacks=[asking], logger=logger, folder=str(folder))
    assert asking.seen[:2] == ("x", "x")
    assert experiment.best.metrics["val_own"] == 1.0
    assert "folder: x" in (tmp_path / "logs" / "hparams.yaml").read_text()


class Two(Task):
    def validation_step(self, batch, batch_idx, dataloader_idx):
        self.log("loss", functional.cross_entropy(self.model(batch[0]), batch[1]))


@pytest.mark.parametrize("strategy", [RandomOneShot, lambda: ENAS(controller_steps=1, warmup_epochs=0)])
def test_several_validation_loaders(strategy, tmp_path):
    two = [DataLoader(dataset(), 8), DataLoader(dataset(16), 8)]
    metric = {"loss/dataloader_idx_1": "minimize"}
    run(Two, tmp_path, strategy=strategy(), metric=metric, val_dataloaders=two)


class Splitting(pl.LightningDataModule):
    """Is set up for fitting alone, splits at random, and has arguments that are no plain data."""

    def __init__(self):
        super().__init__()
        self.save_hyperparameters({"folder": pathlib.Path("data")})

    def prepare_data(self):
        CALLS.append("prepare")

    def setup(self, stage):
        CALLS.append(stage)
        if stage == "fit":
            self.parts = random_split(dataset(), [16, 16])

    def teardown(self, stage):
        CALLS.append("teardown")

    def train_dataloader(self):
        return DataLoader(self.parts[0], 8, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.parts[1], 8)


CALLS, SEEN = [], {"fit": set(), "validate": set()}


class Seeing(Task):
    def see(self, batch):
        assert len(self.trainer.datamodule.parts) == 2
        SEEN[self.trainer.state.fn.value].update(batch[0][:, 3].tolist())

    def training_step(self, batch, batch_idx):
        self.see(batch)
        return super().training_step(batch, batch_idx)

    def validation_step(self, batch, batch_idx):
        if self.trainer.state.fn == "validate":
            self.see(batch)
        super().validation_step(batch, batch_idx)


@pytest.mark.parametrize("strategy", [RandomOneShot, lambda: DARTS(split=0.5)])
@pytest.mark.parametrize("made", [Splitting, Splitting()])
def test_a_data_module_is_set_up_once_and_scores_are_of_other_data_than_the_training(strategy, made, tmp_path):
    validated = []
    for trials in (2, 3):
        CALLS.clear()
        SEEN["validate"].clear()
        torch.manual_seed(trials)
        run(Seeing, tmp_path, strategy=strategy(), trials=trials, datamodule=made)
        assert CALLS == ["prepare", "fit"]
        validated.append(set(SEEN["validate"]))
        assert len(SEEN["validate"]) == 16
        assert not SEEN["validate"] & SEEN["fit"]
    assert validated[0] == validated[1]
    SEEN["fit"].clear()


def test_what_makes_loaders_is_called_once(tmp_path):
    calls = []

    def make():
        calls.append(1)
        return DataLoader(random_split(dataset(), [16, 16])[0], 8, shuffle=True)

    run(Task, tmp_path, train_dataloaders=make, val_dataloaders=make)
    assert len(calls) == 2
