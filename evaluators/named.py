"""Losses and optimizers by their names, as a search writes them down."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from torch import nn, optim

from retiarii.domain import Expression
from retiarii.errors import ExperimentError

_HOMES = MappingProxyType(
    {
        "criterion": (nn, nn.Module, "a loss of outputs and targets: a class, its name in torch.nn, or a function"),
        "optimizer": (
            optim,
            optim.Optimizer,
            "a class, as in optimizer=torch.optim.SGD, or its name 'SGD'",
        ),
    }
)
"""By argument: where its names are looked up, what they have to be the names of, and what else may be given."""


def looked_up(argument: str, value: Any) -> Any:
    """What a name stands for in torch; anything else as it is.

    Raises:
        ExperimentError: it stands for nothing of the kind, or the value can't be called.
    """
    home, kind, wanted = _HOMES[argument]
    found = getattr(home, value, None) if isinstance(value, str) else value
    if not callable(found) or (isinstance(value, str) and not (isinstance(found, type) and issubclass(found, kind))):
        raise ExperimentError(f"{argument} is {value!r}; give {wanted}")
    return found


def check_named(argument: str, value: Any) -> None:
    """Sees that what is given, or whatever a choice of it may be, can be used.

    Raises:
        ExperimentError: as `looked_up`, and an optimizer was made already.
    """
    if isinstance(value, optim.Optimizer):
        name = type(value).__name__
        raise ExperimentError(
            f"optimizer is an {name} of parameters that no trial trains; give the class: optimizer=torch.optim.{name}"
        )
    choice = getattr(value, "choice", None) if isinstance(value, Expression) else None
    for candidate in [value] if not isinstance(value, Expression) else getattr(choice, "candidates", ()):
        looked_up(argument, candidate)
