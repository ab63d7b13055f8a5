"""Steps of the one-shot strategies, without a training around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch.nn.functional import cross_entropy

from one_shot.steps import Batch, sgd
from retiarii import ModelSpace
from retiarii.domain import Sample
from retiarii.one_shot import Session
from retiarii.strategies import DARTS, Proxyless, RandomOneShot
from retiarii.strategies.one_shot.module import SupernetModule
from retiarii.strategies.one_shot.pairing import Pair
from retiarii.strategies.one_shot.random_one_shot import UniformModule
from retiarii.strategies.one_shot.sampled import TRAINING
from retiarii.strategies.one_shot.supernet import Supernet

SESSION = Session(seed=0, folder=Path(), objectives={"val_loss": "minimize"})


class Task(pl.LightningModule):
    """Training of a classifier, and nothing else."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)

    def training_step(self, batch: Batch, index: int) -> torch.Tensor:
        return cross_entropy(self.model(batch[0]), batch[1])

    def validation_step(self, batch: Batch, index: int) -> None:
        self.log("val_loss", cross_entropy(self.model(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return sgd(self.model.parameters())


def module_of(strategy: DARTS | Proxyless | RandomOneShot, space: ModelSpace) -> SupernetModule:
    """What trains a supernet, ready for a step."""
    supernet = Supernet(space)
    module = strategy.module(Task(space), supernet, SESSION)
    supernet.engage()
    return module.train()


def quiet_trainer(**settings: Any) -> pl.Trainer:
    """A trainer that keeps and says nothing."""
    silent = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False}
    return pl.Trainer(accelerator="cpu", enable_progress_bar=False, num_sanity_val_steps=0, **silent, **settings)


def sampled_steps(space: ModelSpace, batch: Batch, count: int) -> tuple[Sequence[Sample], Sequence[Callable[[], Any]]]:
    """Steps of RandomOneShot, each with the sample that it draws."""
    module = module_of(RandomOneShot(), space)
    assert isinstance(module, UniformModule)
    module.trainer = quiet_trainer()
    optimizer = sgd(space.parameters())

    def step(index: int) -> None:
        module.on_train_batch_start(batch, index)
        module.training_step(batch, index).backward()
        optimizer.step()
        optimizer.zero_grad()

    samples = [module.drawn(TRAINING, index) for index in range(count)]
    return samples, [lambda index=index: step(index) for index in range(count)]


def darts_module_step(module: SupernetModule, batch: Batch) -> Callable[[], None]:
    """A step of DARTS: of the architecture, then of the weights."""
    module.trainer = quiet_trainer()
    optimizer = sgd(module.supernet.space.parameters())
    pair = Pair(batch, batch)

    def step() -> None:
        module.training_step(pair, 0).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step
