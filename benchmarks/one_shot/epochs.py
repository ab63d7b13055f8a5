"""What whole epochs under Lightning's trainer cost, with one-shot strategies and with plain modules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from one_shot.networks import LayerSpace
from one_shot.ours import Task, module_of, quiet_trainer
from one_shot.plain import MixedNetwork
from one_shot.steps import Batch, batch_of, darts_adam, sgd
from one_shot.turns import CLOCKS, Round, Times, judged, summary
from retiarii.domain import Sample
from retiarii.evaluators import Lightning
from retiarii.strategies import DARTS, RandomOneShot
from retiarii.strategies.one_shot.pairing import paired
from retiarii.strategies.one_shot.random_one_shot import UniformModule
from retiarii.strategies.one_shot.sampled import TRAINING

COUNT = 8
Fit = Callable[[pl.Callback], None]


class Batches:
    """A loader of batches that are there."""

    def __init__(self, batches: Sequence[Any]) -> None:
        self._batches = batches

    def __iter__(self) -> Iterator[Any]:
        return iter(self._batches)

    def __len__(self) -> int:
        return len(self._batches)


class Clock(pl.Callback):
    """Measures an epoch from its first batch to its last, by each clock."""

    def __init__(self) -> None:
        self.taken: Times = {}

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.taken = {name: -clock() for name, clock in CLOCKS.items()}

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.is_last_batch:
            self.taken = {name: before + CLOCKS[name]() for name, before in self.taken.items()}


class InTurn(nn.Module):
    """Models that take turns, one a batch."""

    def __init__(self, models: list[nn.Module]) -> None:
        super().__init__()
        self.models = nn.ModuleList(models)
        self._turns = cycle(models)

    def forward(self, x: Tensor) -> Tensor:
        return next(self._turns)(x)


class PlainDARTS(pl.LightningModule):
    """First-order DARTS written by hand for one network."""

    def __init__(self, network: MixedNetwork) -> None:
        super().__init__()
        self.network = network
        self.architecture = darts_adam(network.alphas)

    def training_step(self, batches: tuple[Batch, Batch], index: int) -> Tensor:
        (x, targets), (other_x, other_targets) = batches
        alphas = self.network.alphas
        loss = cross_entropy(self.network(other_x, is_architecture=True), other_targets)
        for alpha, gradient in zip(alphas, torch.autograd.grad(loss, alphas), strict=True):
            alpha.grad = gradient
        self.architecture.step()
        self.architecture.zero_grad()
        return cross_entropy(self.network(x, is_architecture=False), targets)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return sgd(self.network.parameters())


def epoch_rows(size: int, batches: int, repeats: int) -> Iterator[dict[str, Any]]:
    """For RandomOneShot and DARTS an epoch of theirs against one of a plain module, by Lightning alone."""
    data = Batches([batch_of(size) for _ in range(batches)])
    for name, pair in (("RandomOneShot", sampled_fits(data)), ("DARTS", darts_fits(data))):
        row = judged(
            f"{name}, LayerChoice x{COUNT}, a step in an epoch of {batches} batches of {size}",
            "a plain LightningModule under Lightning's trainer",
            None,
            epochs_in_turns(*pair, batches, repeats),
        )
        yield row


def sampled_fits(data: Batches) -> tuple[Fit, Fit]:
    """An epoch of RandomOneShot, and one of the frozen models that it draws, each trained by its batch."""
    module = module_of(RandomOneShot(), LayerSpace(COUNT))
    assert isinstance(module, UniformModule)
    module.trainer = quiet_trainer()
    samples: list[Sample] = [module.drawn(TRAINING, index) for index in range(len(data))]
    task = Task(InTurn([LayerSpace(COUNT).freeze(sample) for sample in samples]))

    def ours(clock: pl.Callback) -> None:
        evaluator(data).trainer(callbacks=[clock], max_epochs=1).fit(module, data)

    def theirs(clock: pl.Callback) -> None:
        quiet_trainer(max_epochs=1, callbacks=[clock]).fit(task, data)

    return ours, theirs


def darts_fits(data: Batches) -> tuple[Fit, Fit]:
    """An epoch of DARTS, and one of the same mixture written by hand."""
    strategy = DARTS()
    module = module_of(strategy, LayerSpace(COUNT))
    plain = PlainDARTS(MixedNetwork(COUNT))

    def ours(clock: pl.Callback) -> None:
        given = paired({"train_dataloaders": data, "val_dataloaders": data}, None)["train_dataloaders"]
        evaluator(data).trainer(callbacks=[clock], max_epochs=1).fit(module, given)

    def theirs(clock: pl.Callback) -> None:
        quiet_trainer(max_epochs=1, callbacks=[clock]).fit(plain, Batches([*zip(data, data, strict=True)]))

    return ours, theirs


def evaluator(data: Batches) -> Lightning:
    """What makes the trainer of a search."""
    return Lightning(Task, metric="val_loss", train_dataloaders=data, accelerator="cpu")


def epochs_in_turns(ours: Fit, theirs: Fit, batches: int, repeats: int) -> dict[str, float]:
    """Ratios of epochs that take turns, and microseconds a step."""
    rounds: list[Round] = []
    for number in range(1 + repeats):
        clocks = (Clock(), Clock())
        for side in ((0, 1), (1, 0))[number % 2]:
            (ours, theirs)[side](clocks[side])
        steps = [{name: seconds / batches for name, seconds in clock.taken.items()} for clock in clocks]
        rounds.append([(steps[0], steps[1])])
    return summary(rounds[1:])
