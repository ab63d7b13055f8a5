"""Searches of other libraries, with their own loops and defaults."""

from __future__ import annotations

from typing import Any

import hyperopt
import numpy as np
import optuna
from numpy.typing import NDArray
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.problem import ElementwiseProblem
from pymoo.operators.crossover.sbx import SBX
from pymoo.operators.mutation.pm import PM
from pymoo.operators.repair.rounding import RoundingRepair
from pymoo.operators.sampling.rnd import IntegerRandomSampling
from pymoo.optimize import minimize

from quality.landscapes import Vector
from quality.tasks import Task


def hyperopt_tpe(task: Task, budget: int, seed: int) -> list[Vector]:
    """hyperopt's own `fmin`."""
    found: list[Vector] = []

    def loss(values: tuple[int, ...]) -> float:
        found.append(tuple(map(int, values)))
        return -task.evaluate(found[-1])[0]

    space = [hyperopt.hp.choice(f"choice{place}", list(range(size))) for place, size in enumerate(task.sizes)]
    hyperopt.fmin(
        loss,
        space,
        algo=hyperopt.tpe.suggest,
        max_evals=budget,
        rstate=np.random.default_rng(seed),
        show_progressbar=False,
        verbose=False,
    )
    return found


def optuna_tpe(task: Task, budget: int, seed: int, *, multivariate: bool) -> list[Vector]:
    """optuna's TPESampler; with one objective it is multivariate by default."""
    return _in_study(task, budget, optuna.samplers.TPESampler(seed=seed, multivariate=multivariate))


def optuna_nsga2(task: Task, budget: int, seed: int) -> list[Vector]:
    """optuna's NSGAIISampler: a population of 50, uniform crossover."""
    return _in_study(task, budget, optuna.samplers.NSGAIISampler(seed=seed))


def _in_study(task: Task, budget: int, sampler: Any) -> list[Vector]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found: list[Vector] = []

    def metrics(trial: optuna.Trial) -> tuple[float, ...]:
        values = [trial.suggest_categorical(f"choice{place}", range(size)) for place, size in enumerate(task.sizes)]
        found.append(tuple(values))
        return task.evaluate(found[-1])

    study = optuna.create_study(sampler=sampler, directions=[*task.objectives.values()])
    study.optimize(metrics, n_trials=budget)
    return found


def pymoo_nsga2(task: Task, budget: int, seed: int, *, population: int) -> list[Vector]:
    """pymoo's NSGA2 on integers: simulated binary crossover (15), polynomial mutation (20), rounding."""

    found: list[Vector] = []
    signs = [-1 if direction == "maximize" else 1 for direction in task.objectives.values()]

    class Problem(ElementwiseProblem):  # type: ignore[misc]
        def __init__(self) -> None:
            most = np.array(task.sizes) - 1
            super().__init__(n_var=len(task.sizes), n_obj=len(signs), xl=np.zeros_like(most), xu=most, vtype=int)

        def _evaluate(self, x: NDArray[np.int_], out: dict[str, Any], *_: Any, **__: Any) -> None:
            found.append(tuple(x.tolist()))
            out["F"] = np.multiply(signs, task.evaluate(found[-1]))

    algorithm = NSGA2(
        pop_size=population,
        sampling=IntegerRandomSampling(),
        crossover=SBX(eta=15, vtype=float, repair=RoundingRepair()),
        mutation=PM(eta=20, vtype=float, repair=RoundingRepair()),
        eliminate_duplicates=True,
    )
    minimize(Problem(), algorithm, ("n_eval", budget), seed=seed)
    return found[:budget]
