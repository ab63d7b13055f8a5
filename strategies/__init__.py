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
    from retiarii.strategies.one_shot.darts import DARTS
    from retiarii.strategies.one_shot.enas import ENAS
    from retiarii.strategies.one_shot.gdas import GDAS
    from retiarii.strategies.one_shot.gumbel_darts import FBNet, GumbelDARTS
    from retiarii.strategies.one_shot.penalty import Penalty
    from retiarii.strategies.one_shot.proxyless import Proxyless
    from retiarii.strategies.one_shot.random_one_shot import SPOS, RandomOneShot
    from retiarii.strategies.policy.policy_based_rl import PolicyBasedRL
    from retiarii.strategies.random import Random
    from retiarii.strategies.regularized_evolution import RegularizedEvolution
    from retiarii.strategies.repeated_evaluation import RepeatedEvaluation
    from retiarii.strategies.scalarized import Scalarized
    from retiarii.strategies.tpe import TPE

__all__ = [
    "DARTS",
    "ENAS",
    "GDAS",
    "NSGA2",
    "SPOS",
    "TPE",
    "Chain",
    "Deduplication",
    "FBNet",
    "Filter",
    "FirstSamples",
    "GiveUp",
    "GridSearch",
    "GumbelDARTS",
    "LocalSearch",
    "Middleware",
    "Penalty",
    "PolicyBasedRL",
    "Proxyless",
    "Random",
    "RandomOneShot",
    "RegularizedEvolution",
    "RepeatedEvaluation",
    "Scalarized",
]

_HOME = {
    "DARTS": "one_shot.darts",
    "ENAS": "one_shot.enas",
    "GDAS": "one_shot.gdas",
    "NSGA2": "nsga2",
    "SPOS": "one_shot.random_one_shot",
    "TPE": "tpe",
    "Chain": "chain",
    "Deduplication": "deduplication",
    "FBNet": "one_shot.gumbel_darts",
    "Filter": "filter",
    "FirstSamples": "first_samples",
    "GiveUp": "give_up",
    "GridSearch": "grid",
    "GumbelDARTS": "one_shot.gumbel_darts",
    "LocalSearch": "local_search",
    "Middleware": "middleware",
    "Penalty": "one_shot.penalty",
    "PolicyBasedRL": "policy.policy_based_rl",
    "Proxyless": "one_shot.proxyless",
    "Random": "random",
    "RandomOneShot": "one_shot.random_one_shot",
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
