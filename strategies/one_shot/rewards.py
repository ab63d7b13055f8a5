"""What a sample earns: the metric that its model has on one validation batch, with shared weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, distributed
from torch.utils.data import DataLoader, DistributedSampler, RandomSampler, SequentialSampler
from torchmetrics import Metric

from retiarii.domain import Sample
from retiarii.errors import ExperimentError, MetricError
from retiarii.graph.structure import flat
from retiarii.strategies.one_shot.loaders import prepared
from retiarii.strategies.one_shot.module import SupernetModule
from retiarii.strategies.one_shot.penalty import Penalty
from retiarii.strategies.one_shot.seeding import derived
from retiarii.trial import Direction

_KNOWN = (SequentialSampler, RandomSampler, DistributedSampler)


class Rewards:
    """Scores samples on validation batches: the more the better.

    Args:
        module: The supernet with its task; `by_batch` should be about it.
        metric: The name under which the task logs the metric when it validates.
        direction: A metric to minimise counts negative.
        penalty: What models cost, taken off; None for nothing.

    Attributes:
        loader: Which of several validation loaders the metric is of.
    """

    def __init__(self, module: SupernetModule, metric: str, direction: Direction, penalty: Penalty | None) -> None:
        self._module = module
        self._metric, self.loader = _apart(metric)
        self._sign = 1.0 if direction == "maximize" else -1.0
        self._penalty = penalty

    def of(self, samples: Sequence[Sample], batch: Any, index: int) -> Tensor:
        """The reward of each sample, shape (samples,), float64 on the CPU; the mean over processes that train together.

        A model whose metric is no finite number earns as little as the worst of the others.

        Args:
            samples: Architectures, the same in all processes.
            batch: As the task takes it; each process has its own.
            index: Of the batch.

        Raises:
            MetricError: the task logs no such metric, or it is a finite number for no sample.
        """
        metrics = []
        for sample in samples:
            self._module.supernet.follow(sample)
            metrics.append(self._sign * self._measured(batch, index))
        means = self._finite(self._averaged(torch.tensor(metrics, dtype=torch.float64)))
        if self._penalty is None:
            return means
        earned = [self._penalty.reward(mean, sample) for mean, sample in zip(means.tolist(), samples, strict=True)]
        return torch.tensor(earned, dtype=torch.float64)

    def _measured(self, batch: Any, index: int) -> float:
        logged = observed(self._module, batch, index, self._metric, self.loader)
        if self._metric not in logged:
            raise MetricError(
                f"the task has logged no {self._metric!r} in validation_step; logged: "
                f"{', '.join(map(repr, logged)) or 'nothing'}"
            )
        return logged[self._metric]

    def _finite(self, metrics: Tensor) -> Tensor:
        is_finite = metrics.isfinite()
        if not is_finite.any():
            raise MetricError(
                f"{self._metric!r} is a finite number for none of {len(metrics)} architectures on a validation batch "
                f"({metrics[0].item()}), so they can't be rewarded"
            )
        return metrics.where(is_finite, metrics[is_finite].min())

    def _averaged(self, metrics: Tensor) -> Tensor:
        if self._module.trainer.world_size == 1:
            return metrics
        placed = metrics.to(self._module.device)
        distributed.all_reduce(placed)
        return placed.cpu() / self._module.trainer.world_size


@torch.no_grad()
def observed(module: SupernetModule, batch: Any, index: int, wanted: str, loader: int = 0) -> dict[str, float]:
    """What a task logs when it validates one batch, by name; nothing of it is kept.

    Args:
        module: The supernet with its task.
        batch: As the task takes it.
        index: Of the batch.
        wanted: A name; if `validation_step` does not log it, the end of a validation with this one batch has to.
        loader: The place of the loader that the batch is from.
    """
    heard: dict[str, Any] = {}
    with module.trainer.precision_plugin.val_step_context(), module.aside(heard.__setitem__):
        module.validate_batch(batch, index, loader)
        if wanted not in heard:
            module.task.on_validation_epoch_end()
        numbers = {name: value.compute() if isinstance(value, Metric) else value for name, value in heard.items()}
    return {name: float(number) for name, number in numbers.items() if _is_number(number)}


def validation_batches(module: SupernetModule, seed: int, place: int = 0) -> Iterator[Any]:
    """Batches of the trainer's validation data, as the task takes them, again and again.

    They are shuffled, where the loader allows it, since a few batches of ordered data may be of one class only. Each
    process has batches of its own.

    Args:
        module: The module that a trainer trains.
        seed: Decides the order.
        place: Of the loader, if there are several.

    Raises:
        ExperimentError: there are none.
    """
    trainer = module.trainer
    if trainer.val_dataloaders is None:  # The trainer has not validated yet.
        trainer.validating = True
        trainer.fit_loop.epoch_loop.val_loop.setup_data()
        trainer.training = True
    loader = _shuffled(list(flat(trainer.val_dataloaders))[place], derived(seed, module.global_rank))
    while True:
        is_empty = True
        for batch in loader:
            is_empty = False
            yield prepared(trainer, batch, place)
        if is_empty:
            raise ExperimentError("the validation loader gives no batches to reward architectures with")


def _apart(metric: str) -> tuple[str, int]:
    """A metric's name as a task logs it, and the place of the loader, which Lightning appends if there are several."""
    name, separator, place = metric.rpartition("/dataloader_idx_")
    return (name, int(place)) if separator else (metric, 0)


def _is_number(value: Any) -> bool:
    return value.numel() == 1 if isinstance(value, Tensor) else isinstance(value, int | float)


def _shuffled(loader: Any, seed: int) -> Any:
    if not isinstance(loader, DataLoader) or loader.batch_size is None or not isinstance(loader.sampler, _KNOWN):
        return loader
    return DataLoader(
        loader.dataset,
        batch_size=loader.batch_size,
        shuffle=True,
        generator=torch.Generator().manual_seed(seed),
        collate_fn=loader.collate_fn,
        drop_last=len(loader.dataset) >= loader.batch_size,  # type: ignore[arg-type]
        num_workers=loader.num_workers,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
    )
