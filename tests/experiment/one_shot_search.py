"""A search with DARTS, as a program, so that the processes are real ones.

usage: one_shot_search.py killed DIRECTORY EPOCH BATCH | one_shot_search.py together DIRECTORY
It kills itself before a batch of an epoch, or trains in two processes and leaves in DIRECTORY what each of them got.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from pathlib import Path

import pytorch_lightning as pl
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from retiarii import Experiment, ModelSpace, nn
from retiarii.evaluators import Classification
from retiarii.strategies import DARTS

EPOCHS, BATCHES = 3, 4


class Net(ModelSpace):
    """Layers that have random numbers and statistics of their own, too."""

    def __init__(self):
        super().__init__()
        width = nn.ValueChoice([4, 8], label="width")
        self.stem = nn.Linear(4, width)
        self.norm = nn.BatchNorm1d(width)
        self.op = nn.LayerChoice({"none": nn.Identity(), "drop": nn.Dropout(0.5)}, label="op")
        self.head = nn.Linear(width, 2)

    def forward(self, x):
        return self.head(self.op(functional.relu(self.norm(self.stem(x)))))


class Killed(pl.Callback):
    def __init__(self, epoch, batch):
        self.place = (epoch, batch)

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if (trainer.current_epoch, batch_idx) == self.place:
            os.kill(os.getpid(), signal.SIGKILL)


def experiment(directory, name, callbacks=(), trainer=None, **options):
    draw = torch.Generator().manual_seed(0)
    inputs = torch.randn(96, 4, generator=draw)
    data = TensorDataset(inputs, (inputs[:, 0] > 0).long())
    train, valid = torch.utils.data.random_split(data, [64, 32], draw)
    evaluator = Classification(
        num_classes=2,
        learning_rate=0.01,
        train_dataloaders=DataLoader(train, 64 // BATCHES, shuffle=True),
        val_dataloaders=DataLoader(valid, 16),
        max_epochs=EPOCHS,
        callbacks=list(callbacks),
        **(trainer or {}),
    )
    return Experiment(Net(), evaluator, DARTS(), name=name, directory=directory, seed=3, **options)


def outcome(search):
    """What has to be the same, bit by bit, whatever happened on the way."""
    numbers = b"".join(tensor.numpy().tobytes() for tensor in search.space.state_dict().values())
    return {
        "supernet": hashlib.sha256(numbers).hexdigest(),
        "weights": [[row.epoch, {label: [*of.items()] for label, of in row.weights.items()}] for row in search.weights],
        "trials": [[trial.sample, dict(trial.metrics)] for trial in search.trials],
    }


def killed(directory, epoch, batch):
    experiment(directory, "one", [Killed(int(epoch), int(batch))]).run(progress=False)


def together(directory):
    search = experiment(directory, "one", trainer={"accelerator": "cpu", "devices": 2, "strategy": "ddp"})
    search.run(progress=False)
    path = Path(directory, f"{os.environ['LOCAL_RANK']}.json")
    path.write_text(json.dumps({**outcome(search), "ending": search.ending}), encoding="utf-8")


if __name__ == "__main__":
    kind, *given = sys.argv[1:]
    {"killed": killed, "together": together}[kind](*given)
