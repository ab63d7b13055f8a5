"""Evaluators: how a model is scored. Each name is looked up when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retiarii.evaluators.classification import Classification
    from retiarii.evaluators.functional import FunctionalEvaluator
    from retiarii.evaluators.lightning import Lightning
    from retiarii.evaluators.regression import Regression

__all__ = ["Classification", "FunctionalEvaluator", "Lightning", "Regression"]

_HOME = {
    "Classification": "classification",
    "FunctionalEvaluator": "functional",
    "Lightning": "lightning",
    "Regression": "regression",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
