"""The running statistics of batch norms, for one model out of a supernet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, cast

import pytorch_lightning as pl
import torch
from pytorch_lightning.trainer.states import RunningStage
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from retiarii.domain import Sample
from retiarii.strategies.one_shot.loaders import RunData, as_stage
from retiarii.strategies.one_shot.module import SupernetModule
from retiarii.strategies.one_shot.seeding import seed_everything

BATCHES = 10
"""From as many batches the statistics are taken."""


class Recalibration(pl.Callback):
    """Gives batch norms the statistics of one model, before it is validated.

    The batches come to the model as in training, but nobody sees it. If the task optimises by itself, they go through
    its validation step, as its training step would train.

    Args:
        sample: Of the model.
        data: The batches are those of its training data.
        seed: Decides what is random about them, and about the validation that follows.
    """

    def __init__(self, sample: Sample, data: RunData, seed: int) -> None:
        self._sample = sample
        self._data = data
        self._seed = seed

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, SupernetModule)  # noqa: S101  for the type checker
        with torch.inference_mode(False), torch.enable_grad():
            # What was decided of parameters before may lie on another device.
            pl_module.supernet.follow(self._sample)
            if _norms(pl_module):
                seed_everything(self._seed, 1)
                self._recalibrate(trainer, pl_module)
        seed_everything(self._seed, 2)

    def _recalibrate(self, trainer: pl.Trainer, module: SupernetModule) -> None:
        with as_stage(trainer, RunningStage.TRAINING), trainer.precision_plugin.train_step_context():
            recalibrate(module, islice(self._data.training_batches(trainer), BATCHES))


@contextmanager
def by_batch(module: nn.Module) -> Iterator[None]:
    """Within the block everything is as for validation, but that batch norms take the statistics of the batch itself.

    So the models of a supernet can be compared by single batches. A batch of one number per channel has no statistics;
    it gets those at hand. Afterwards all is as before.

    Args:
        module: The supernet with its task.
    """

    def enough(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        norm.training = inputs[0].numel() > inputs[0].shape[1]

    with statistics_kept(module) as norms, _modes_kept(module):
        module.eval()
        handles = [norm.register_forward_pre_hook(enough) for norm in norms]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


@contextmanager
def _modes_kept(module: nn.Module) -> Iterator[None]:
    """Each part trains or validates again, as before, after the block."""
    modes = {part: part.training for part in module.modules()}
    try:
        yield
    finally:
        for part, is_training in modes.items():
            part.training = is_training


@contextmanager
def statistics_kept(module: nn.Module) -> Iterator[list[nn.Module]]:
    """The batch norms, which have their statistics again after the block."""
    norms = _norms(module)
    before = [(norm, {name: value.clone() for name, value in norm.named_buffers(recurse=False)}) for norm in norms]
    try:
        yield norms
    finally:
        for norm, buffers in before:
            for name, value in buffers.items():
                norm.get_buffer(name).copy_(value)


def recalibrate(module: SupernetModule, batches: Iterable[Any]) -> None:
    """Give batch norms the mean statistics of some batches, which a step of the task runs through the model.

    Args:
        module: The supernet with its task.
        batches: As the task takes them when it trains.
    """
    norms = _norms(module)
    sums: dict[nn.Module, list[Any]] = {}

    def note(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        given = inputs[0].detach()
        given = given.to(torch.promote_types(given.dtype, torch.float32))
        axes = [axis for axis in range(given.ndim) if axis != 1]
        mean, variance = given.mean(axes), given.var(axes, unbiased=given.numel() > given.shape[1])
        own = sums.setdefault(norm, [0, 0, 0])
        sums[norm] = [own[0] + 1, own[1] + mean, own[2] + variance]

    handles = [norm.register_forward_pre_hook(note) for norm in norms]
    try:
        with module.aside(), _modes_kept(module):
            module.eval()
            for norm in norms:
                norm.train()
            step = _step(module)
            for index, batch in enumerate(batches):
                step(batch, index)
    finally:
        for handle in handles:
            handle.remove()
    for norm, (count, mean, variance) in sums.items():
        width = mean.shape[0]
        norm.get_buffer("running_mean")[:width] = mean / count
        norm.get_buffer("running_var")[:width] = variance / count


def _step(module: SupernetModule) -> Callable[[Any, int], Any]:
    if not module.automatic_optimization:
        return module.validate_batch
    # A step may ask for optimizers, whose rates it logs.
    module.trainer.strategy.setup_optimizers(module.trainer)
    return cast("Callable[[Any, int], Any]", module.task.training_step)


def _norms(module: nn.Module) -> list[nn.Module]:
    return [part for part in module.modules() if isinstance(part, _BatchNorm) and part.track_running_stats]
