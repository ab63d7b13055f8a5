"""The arguments of an experiment, checked before anything is run."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from types import UnionType
from typing import Any, TypeVar, get_args

from retiarii.callback import Callback
from retiarii.domain import Domain
from retiarii.domain.constraint import Cost
from retiarii.domain.foreign import foreign
from retiarii.engine import Space
from retiarii.errors import ExperimentError
from retiarii.experiment.agreement import Resume
from retiarii.experiment.setup import Limits
from retiarii.trial import Direction, Objectives

T = TypeVar("T")


def instance(value: T, kind: type[Any] | UnionType, wanted: str) -> T:
    """`value`, which is a `kind`."""
    if not isinstance(value, kind):
        shown = f"the class {value.__name__}" if isinstance(value, type) else reprlib.repr(value)
        raise ExperimentError(f"an experiment got {shown} as {wanted}")
    return value


def space(value: Space) -> Space:
    """`value`, which has a domain."""
    if not isinstance(getattr(value, "domain", None), Domain):
        raise ExperimentError(
            f"an experiment got {type(value).__name__} as its space, which is no ModelSpace; "
            "derive it from ModelSpace, or use ModelSpace.from_module"
        )
    return value


def objectives(value: Objectives) -> Objectives:
    """A copy of `value`, which has metrics with directions."""
    if not isinstance(value, Mapping):
        raise ExperimentError(
            f"objectives is {reprlib.repr(value)}; give metrics with directions, as in {{'accuracy': 'maximize'}}"
        )
    if not value:
        raise ExperimentError("objectives is empty; give a metric and its direction, as in {'accuracy': 'maximize'}")
    for name, direction in value.items():
        if direction not in get_args(Direction):
            raise ExperimentError(f"objective {name!r} is {direction!r}; expected 'maximize' or 'minimize'")
    return dict(value)


def costs(value: Cost | Sequence[Cost], space: Space) -> tuple[Cost, ...]:
    """The costs, each of the space, with a name of its own."""
    given: tuple[Any, ...] = tuple(value) if isinstance(value, Iterable) else (value,)
    names: set[str] = set()
    for cost in given:
        name = getattr(cost, "name", None)
        if isinstance(cost, type) or not callable(cost) or not isinstance(name, str):
            raise ExperimentError(f"costs has {reprlib.repr(cost)}; give cost models, as in costs=[Flops(space)]")
        problem = foreign(cost, space)
        if problem:
            raise ExperimentError(f"costs has {cost!r}, but {problem}")
        if name in names:
            raise ExperimentError(f"two costs have the name {name!r}; give each a name of its own")
        names.add(name)
    return given


def limits(max_trials: int | None, max_duration: float | None, max_retries: int) -> Limits:
    """All three: positive, if they are given, and the last one not negative."""
    if max_trials is not None and not (_is_integer(max_trials) and max_trials > 0):
        raise ExperimentError(f"max_trials is {max_trials!r}; expected a positive integer, or None for no limit")
    number = _is_integer(max_duration) or isinstance(max_duration, float)
    if max_duration is not None and not (number and 0 < max_duration < math.inf):
        raise ExperimentError(f"max_duration is {max_duration!r}; expected seconds, or None for no limit")
    if not (_is_integer(max_retries) and max_retries >= 0):
        raise ExperimentError(f"max_retries is {max_retries!r}; expected an integer from 0")
    return Limits(max_trials, max_duration, max_retries)


def resume(value: Resume) -> Resume:
    """`value`, which is one of three."""
    if value is not True and value is not False and value != "anyway":
        raise ExperimentError(f'resume is {value!r}; expected True, False or "anyway"')
    return value


def callbacks(value: Sequence[Callback]) -> tuple[Callback, ...]:
    """A tuple of callbacks."""
    given: tuple[Any, ...] = tuple(value) if isinstance(value, Iterable) else (value,)
    for callback in given:
        instance(callback, Callback, "a callback; derive it from Callback")
    return given


def seed(value: int | None) -> int | None:
    """`value`, which is not negative if it is given."""
    if value is not None and not (_is_integer(value) and value >= 0):
        raise ExperimentError(f"seed is {value!r}; expected an integer from 0")
    return value


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
