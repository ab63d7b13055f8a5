"""Strategies: how samples are proposed. Each name is looked up when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retiarii.strategies.chain import Chain
    from retiarii.strategies.deduplication import Deduplication
    from retiarii.strategies.filter import Filter
    from retiarii.strategies.first_samples import FirstSamples
    from retiarii.strategies.give_up import GiveUp
    from retiarii.strategies.grid import GridSearch
    from retiarii.strategies.local_search import LocalSearch
    from retiarii.strategies.middleware import Middleware
    from retiarii.strategies.nsga2 import NSGA2
    from retiarii.strategies.policy.policy_based_rl import PolicyBasedRL
    from retiarii.strategies.random import Random
    from retiarii.strategies.regularized_evolution import RegularizedEvolution
    from retiarii.strategies.repeated_evaluation import RepeatedEvaluation
    from retiarii.strategies.scalarized import Scalarized
    from retiarii.strategies.tpe import TPE

__all__ = [
    "NSGA2",
    "TPE",
    "Chain",
    "Deduplication",
    "Filter",
    "FirstSamples",
    "GiveUp",
    "GridSearch",
    "LocalSearch",
    "Middleware",
    "PolicyBasedRL",
    "Random",
    "RegularizedEvolution",
    "RepeatedEvaluation",
    "Scalarized",
]

_HOME = {
    "NSGA2": "nsga2",
    "TPE": "tpe",
    "Chain": "chain",
    "Deduplication": "deduplication",
    "Filter": "filter",
    "FirstSamples": "first_samples",
    "GiveUp": "give_up",
    "GridSearch": "grid",
    "LocalSearch": "local_search",
    "Middleware": "middleware",
    "PolicyBasedRL": "policy.policy_based_rl",
    "Random": "random",
    "RegularizedEvolution": "regularized_evolution",
    "RepeatedEvaluation": "repeated_evaluation",
    "Scalarized": "scalarized",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
