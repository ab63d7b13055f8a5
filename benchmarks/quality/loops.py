"""Textbook searches in a few lines each, as references."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np

from quality.landscapes import Vector
from quality.tasks import Task


def random_without_replacement(task: Task, budget: int, seed: int) -> list[Vector]:
    """Uniform samples, none twice."""
    rng = np.random.default_rng(seed)
    found: dict[Vector, None] = {}
    while len(found) < budget:
        found[_random(task, rng)] = None
    return [*found]


def regularized_evolution(
    task: Task, budget: int, seed: int, population_size: int = 50, sample_size: int = 10
) -> list[Vector]:
    """Real et al. 2019, algorithm 1: the best of a random few has a child, the oldest dies. It may repeat itself."""
    rng = np.random.default_rng(seed)
    population: deque[tuple[float, Vector]] = deque(maxlen=population_size)
    found: list[Vector] = []
    while len(found) < budget:
        if len(population) < population_size:
            child = _random(task, rng)
        else:
            drawn = rng.choice(population_size, sample_size, replace=False)
            child = _mutated(task, max([population[place] for place in drawn])[1], rng)
        population.append((task.evaluate(child)[0], child))
        found.append(child)
    return found


def local_search(task: Task, budget: int, seed: int) -> list[Vector]:
    """White et al. 2020, algorithm 1, with restarts: go to the best neighbour while it is better.

    What has been evaluated already costs nothing.
    """
    rng = np.random.default_rng(seed)
    scores: dict[Vector, float] = {}

    def score(vector: Vector) -> float:
        if vector not in scores:
            scores[vector] = task.evaluate(vector)[0]
        return scores[vector]

    while len(scores) < budget:
        here, best = None, _random(task, rng)
        while here != best:
            here = best
            around = [*_neighbours(task, here)]
            best = max([here, *[around[place] for place in rng.permutation(len(around))]], key=score)
    return [*scores][:budget]


def _random(task: Task, rng: np.random.Generator) -> Vector:
    return tuple(rng.integers(task.sizes).tolist())


def _mutated(task: Task, parent: Vector, rng: np.random.Generator) -> Vector:
    place = int(rng.integers(len(parent)))
    step = int(rng.integers(1, task.sizes[place]))
    return (*parent[:place], (parent[place] + step) % task.sizes[place], *parent[place + 1 :])


def _neighbours(task: Task, vector: Vector) -> Iterator[Vector]:
    for place, size in enumerate(task.sizes):
        for candidate in range(size):
            if candidate != vector[place]:
                yield (*vector[:place], candidate, *vector[place + 1 :])
