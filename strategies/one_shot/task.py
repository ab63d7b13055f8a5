"""What the user's module has to be like to train a supernet, said before it starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytorch_lightning as pl
from pytorch_lightning.utilities.model_helpers import is_overridden
from torch import nn

from retiarii.errors import ExperimentError
from retiarii.strategies.one_shot.supernet import is_open


def check_task(task: pl.LightningModule, space: nn.Module) -> None:
    """See that a task validates, and that its model is the only one of the space.

    Raises:
        ExperimentError: it has no validation step, or there is a copy of the space, or of parts of it, in it.
    """
    name = type(task).__name__
    if not is_overridden("validation_step", task):
        raise ExperimentError(
            f"{name} has no validation_step, and architectures are scored by what it logs there: give it one"
        )
    own = set(space.modules())
    for path, held in _held(task):
        found = next((part for part in held.modules() if part not in own and is_open(part)), None)
        if found is not None:
            raise ExperimentError(
                f"{name}.{path} has a copy of the space, or of a part of it (with a {type(found).__name__}): only the "
                "model itself follows the decisions of a supernet, a copy would compute its default. Leave moving "
                "averages to the training of what was found, and take a frozen model as a teacher: space.freeze(sample)"
            )


def check_weights(weights: Iterable[nn.Parameter], space: nn.Module) -> None:
    """See that there is something to train.

    Raises:
        ExperimentError: there is not.
    """
    if not any(weight.requires_grad for weight in weights):
        raise ExperimentError(
            f"{type(space).__name__} and its task have no trainable parameters: there are no weights to share, so "
            "search it with a multi-trial strategy, such as RegularizedEvolution"
        )


def _held(task: pl.LightningModule) -> Iterator[tuple[str, nn.Module]]:
    """The modules of a task, also in its lists and dicts, by name."""
    yield from task.named_children()
    for name, value in vars(task).items():
        if name in vars(nn.Module()):
            continue
        items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else [value]
        yield from ((name, item) for item in items if isinstance(item, nn.Module))
