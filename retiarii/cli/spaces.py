"""`retiarii space`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from retiarii.cli.found_space import found_space
from retiarii.cli.tables import show, show_json
from retiarii.errors import SpaceError
from retiarii.experiment.plan import Plan
from retiarii.metrics import DEFAULT_METRIC
from retiarii.space import ModelSpace

_FORMAT, _VERSION = "retiarii-search-space", 1


def show_space(path: str, picture: Path | None, *, as_json: bool, full: bool) -> None:
    """Prints what there is to choose in a space, and draws it if that is wanted.

    Raises:
        ConfigError: there is no such space.
        SpaceError: the picture can't be written.
    """
    space = found_space(path)
    if as_json:
        show_json(_document(space))
    else:
        show(space.summary(full=full))
    if picture is not None:
        _draw(space, picture)
        if not as_json:
            show(str(picture))


def _document(space: ModelSpace) -> dict[str, Any]:
    """The search space as JSON values."""
    plan = Plan.of(type(space).__name__, space.domain, {DEFAULT_METRIC: "maximize"}, seed=0)
    size = space.domain.size
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "space": plan.space,
        "size": plan.size,
        "log10_size": None if size == math.inf or not size else math.log10(int(size)),
        "choices": plan.choices,
        "constraints": plan.constraints,
    }


def _draw(space: ModelSpace, picture: Path) -> None:
    try:
        space.draw(picture)
    except ValueError as error:
        raise SpaceError(str(error)) from error
    except OSError as error:
        raise SpaceError(f"{picture} can't be written: {error.strerror}") from error
