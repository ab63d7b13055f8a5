"""A small space, and an ordinary task that knows nothing of search."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from torch.nn import functional

from retiarii import ModelSpace, nn


class Space(ModelSpace):
    def __init__(self):
        super().__init__()
        width = nn.ValueChoice([2, 4], label="width")
        self.body = nn.Sequential(nn.Linear(4, width), nn.BatchNorm1d(width), nn.ReLU())
        self.head = nn.Linear(width, 2)

    def forward(self, x):
        return self.head(self.body(x))


class Task(pl.LightningModule):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def training_step(self, batch, batch_idx):
        return functional.cross_entropy(self.model(batch[0]), batch[1])

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", functional.cross_entropy(self.model(batch[0]), batch[1]))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)
