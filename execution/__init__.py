"""Engines: where trials run. Each name is looked up when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retiarii.execution.process.engine import ProcessEngine
    from retiarii.execution.ray_engine import RayEngine
    from retiarii.execution.sequential import SequentialEngine

__all__ = ["ProcessEngine", "RayEngine", "SequentialEngine"]

_HOME = {"ProcessEngine": "process.engine", "RayEngine": "ray_engine", "SequentialEngine": "sequential"}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
