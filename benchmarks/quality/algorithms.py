"""What is compared: every algorithm as a function from a task, a budget and a seed to the samples it evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from quality import loops, peers
from quality.landscapes import Vector
from quality.ours import driven
from quality.tasks import Task

Search: TypeAlias = Callable[[Task, int, int], list[Vector]]
"""Takes the task, the number of evaluations and a seed; gives what was evaluated, in order, repeats included."""

RANDOM = "random without replacement"


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A way to search.

    Attributes:
        search: The search itself.
        references: What it must not be worse than; empty for a reference.
        measures: On which kind of task it runs.
    """

    search: Search
    references: tuple[str, ...] = ()
    measures: tuple[str, ...] = ("regret",)
    ours: bool = False


BOTH = ("regret", "hypervolume")
TRADE = ("hypervolume",)

REFERENCES: Mapping[str, Algorithm] = {
    RANDOM: Algorithm(loops.random_without_replacement, measures=BOTH),
    "evolution loop": Algorithm(loops.regularized_evolution),
    "local search loop": Algorithm(loops.local_search),
    "hyperopt TPE": Algorithm(peers.hyperopt_tpe),
    "optuna TPE": Algorithm(partial(peers.optuna_tpe, multivariate=True)),
    "optuna TPE, univariate": Algorithm(partial(peers.optuna_tpe, multivariate=False)),
    "optuna NSGA-II, 50": Algorithm(peers.optuna_nsga2, measures=TRADE),
    "pymoo NSGA-II, 20": Algorithm(partial(peers.pymoo_nsga2, population=20), measures=TRADE),
    "pymoo NSGA-II, 50": Algorithm(partial(peers.pymoo_nsga2, population=50), measures=TRADE),
}


def _our(name: str, *references: str, measures: tuple[str, ...] = ("regret",), **arguments: int) -> Algorithm:
    return Algorithm(partial(driven, name, arguments), references, measures, ours=True)


OURS: Mapping[str, Algorithm] = {
    "Random": _our("Random", RANDOM, measures=BOTH),
    "RegularizedEvolution": _our("RegularizedEvolution", "evolution loop"),
    "LocalSearch": _our("LocalSearch", "local search loop"),
    "TPE": _our("TPE", "hyperopt TPE", "optuna TPE"),
    "PolicyBasedRL": _our("PolicyBasedRL"),
    "NSGA2, 20": _our("NSGA2", "pymoo NSGA-II, 20", measures=TRADE, population_size=20),
    "NSGA2, 50": _our("NSGA2", "pymoo NSGA-II, 50", "optuna NSGA-II, 50", measures=TRADE, population_size=50),
}

ALGORITHMS: Mapping[str, Algorithm] = {**REFERENCES, **OURS}
