"""Stoppers: which trials are ended early. Each name is looked up when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retiarii.stoppers.asha import ASHA
    from retiarii.stoppers.median_rule import MedianRule

__all__ = ["ASHA", "MedianRule"]

_HOME = {"ASHA": "asha", "MedianRule": "median_rule"}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
