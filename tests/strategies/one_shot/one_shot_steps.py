"""Single steps of differentiable methods, on small spaces in double precision."""

from __future__ import annotations

from pathlib import Path

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

from retiarii import ModelSpace, nn
from retiarii.evaluators import Lightning
from retiarii.one_shot import Session
from retiarii.strategies.one_shot.pairing import Pair
from retiarii.strategies.one_shot.supernet import Supernet

FEATURES = 3


class Net(ModelSpace):
    """Three operators, then one, two or no inputs of three, then a width."""

    def __init__(self):
        super().__init__()
        width = nn.ValueChoice([2, 4], label="width")
        operators = {"wide": nn.Linear(FEATURES, 4), "tanh": nn.Sequential(nn.Linear(FEATURES, 4), nn.Tanh())}
        self.operator = nn.LayerChoice({**operators, "bare": nn.Linear(FEATURES, 4, bias=False)}, label="operator")
        self.pick = nn.InputChoice(3, n_chosen=None, label="pick")
        self.inner = nn.Linear(4, width)
        self.head = nn.Linear(width, 1)

    def forward(self, x):
        x = self.operator(x)
        picked = self.pick([x.sin(), x.square(), x.abs()])
        return self.head(torch.tanh(self.inner(x if picked is None else x + picked)))


class Single(ModelSpace):
    """One choice of three operators."""

    def __init__(self):
        super().__init__()
        self.operator = nn.LayerChoice({name: nn.Linear(FEATURES, 2) for name in "abc"}, label="operator")
        self.head = nn.Linear(2, 1)

    def forward(self, x):
        return self.head(torch.tanh(self.operator(x)))


class Task(pl.LightningModule):
    """Regression by SGD."""

    def __init__(self, model, learning_rate=0.1, momentum=0.9, weight_decay=0.01, nesterov=False, dampening=0.0):
        super().__init__()
        self.model = model
        settings = {"momentum": momentum, "weight_decay": weight_decay, "nesterov": nesterov, "dampening": dampening}
        self.settings = {"lr": learning_rate, **settings}

    def loss(self, batch):
        return torch.nn.functional.mse_loss(self.model(batch[0]), batch[1])

    def training_step(self, batch, batch_idx):
        loss = self.loss(batch)
        self.log("train_loss", loss, on_step=False, on_epoch=True, sync_dist=True)
        return loss

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self.loss(batch), sync_dist=True)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), **self.settings)


def attached(strategy, space=None, task=Task, **settings):
    """The module of a strategy with its trainer, in double precision, as it is before the first step."""
    torch.manual_seed(0)
    made = Supernet((Net if space is None else space)())
    session = Session(seed=0, folder=Path(), objectives={"val_loss": "minimize"})
    module = strategy.module(task(made.space, **settings), made, session).double()
    trainer = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    module.trainer = trainer
    trainer.strategy.connect(module)
    trainer.strategy.optimizers = [module.configure_optimizers()]
    made.engage()
    for number in module.architecture.parameters():
        number.data = torch.randn(number.shape, dtype=torch.double)
    return module


def pair(seed=1, count=8):
    generator = torch.Generator().manual_seed(seed)

    def batch():
        x = torch.randn(count, FEATURES, dtype=torch.double, generator=generator)
        return x, x.prod(1, keepdim=True).sin() + x[:, :1]

    return Pair(batch(), batch())


def loader(count=24, seed=0, **settings):
    x = torch.randn(count, FEATURES, generator=torch.Generator().manual_seed(seed))
    return DataLoader(TensorDataset(x, x.prod(1, keepdim=True).sin() + x[:, :1]), batch_size=6, **settings)


def evaluator(task=Task, epochs=2, **settings):
    loaders = {"train_dataloaders": loader(shuffle=True), "val_dataloaders": loader(12, 1, shuffle=True)}
    settings = {"max_epochs": epochs, "accelerator": "cpu", **loaders, **settings}
    return Lightning(task, metric={"val_loss": "minimize"}, **settings)


def trained(method, folder, made=None, space=None, **settings):
    """Trains a supernet of the space; gives the space, what is trained, and the recorded weights by epoch."""
    space = Net() if space is None else space
    weights = {}
    objectives = {"val_loss": "minimize"}
    session = Session(seed=3, folder=folder, objectives=objectives, record=weights.__setitem__)
    made = evaluator(**settings) if made is None else made
    return space, method.train(space, made, session), weights
