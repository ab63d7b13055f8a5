"""What is searched, and how good a search of it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quality.landscapes import Landscape, Surrogate, Table, Vector, check_space
from retiarii.trial import Direction

MACRO, CELLS, SEARCHES = "mean_acc", "c10_val_e200", "supernet"
"""The columns by which tables are recognised."""


class Task(Protocol):
    """Something to search, with a number for what was evaluated that says how good the search was."""

    name: str
    sizes: tuple[int, ...]
    objectives: Mapping[str, Direction]
    measure: str
    """`regret`, where less is better, or `hypervolume`, where more is."""

    def evaluate(self, vector: Vector) -> tuple[float, ...]:
        """The metrics of a sample, in the order of the objectives."""
        ...

    def quality(self, vectors: Sequence[Vector]) -> float:
        """The measure after these evaluations."""
        ...


class Regret:
    """One objective: how far the best found is from the best known, in per cent of accuracy.

    Args:
        name: Of the task.
        landscape: Of all samples.
        searched: The metric that the search sees.
        reported: The metric in which the sample that is best by `searched` is compared with the best known.
    """

    measure = "regret"

    def __init__(self, name: str, landscape: Landscape, searched: str, reported: str) -> None:
        self.name, self.sizes, self._landscape = name, landscape.sizes, landscape
        self.objectives: dict[str, Direction] = {"accuracy": "maximize"}
        self._searched, self._reported = searched, reported
        self._best = float(landscape.known(reported).max())

    def evaluate(self, vector: Vector) -> tuple[float, ...]:
        return (float(self._landscape.values(self._searched, [vector])[0]),)

    def quality(self, vectors: Sequence[Vector]) -> float:
        best = vectors[int(np.argmax(self._landscape.values(self._searched, vectors)))]
        return self._best - float(self._landscape.values(self._reported, [best])[0])


class Trade:
    """Two objectives: the hypervolume of what was found, as a share of that of everything known.

    Args:
        name: Of the task.
        landscape: Of all samples.
        accuracy: The metric of accuracy in per cent, which is maximised.
        cost: The metric of cost, which is minimised.
        corner: The cost, and the error in per cent, where volume ends; no cost means just beyond the largest known.
    """

    measure = "hypervolume"

    def __init__(
        self, name: str, landscape: Landscape, accuracy: str, cost: str, corner: tuple[float | None, float]
    ) -> None:
        self.name, self.sizes, self._landscape = name, landscape.sizes, landscape
        self.objectives: dict[str, Direction] = {"accuracy": "maximize", "cost": "minimize"}
        self._accuracy, self._cost = accuracy, cost
        costs, errors = landscape.known(cost), 100 - landscape.known(accuracy)
        end = 1.0001 * float(costs.max()) if corner[0] is None else corner[0]
        self._corner = (end, corner[1])
        self._whole = hypervolume(costs, errors, self._corner)

    def evaluate(self, vector: Vector) -> tuple[float, ...]:
        accuracy, cost = [float(self._landscape.values(name, [vector])[0]) for name in (self._accuracy, self._cost)]
        return accuracy, cost

    def quality(self, vectors: Sequence[Vector]) -> float:
        accuracies, costs = [self._landscape.values(name, vectors) for name in (self._accuracy, self._cost)]
        return hypervolume(costs, 100 - accuracies, self._corner) / self._whole


def hypervolume(costs: NDArray[np.float64], errors: NDArray[np.float64], corner: tuple[float, float]) -> float:
    """The area between a corner and the points that are better than it in both, which are minimised."""
    inside = (costs < corner[0]) & (errors < corner[1])
    costs, errors = costs[inside], errors[inside]
    if not len(costs):
        return 0.0
    order = np.lexsort((errors, costs))
    heights = corner[1] - np.minimum.accumulate(errors[order])
    return float(np.sum(np.diff(costs[order], append=corner[0]) * heights))


def tasks_of(path: Path) -> list[Task]:
    """The tasks on the table in a file, which is recognised by its columns."""
    frame = pd.read_csv(path, dtype=dict.fromkeys(("arch", "vec"), str))
    return list(_tasks(path, frame))


def _tasks(path: Path, frame: pd.DataFrame) -> Iterator[Task]:
    if MACRO in frame:
        table = Table(frame.assign(mflops=frame["flops"] / 1e6), [f"l{layer}" for layer in range(8)])
        yield Regret("macro", table, MACRO, MACRO)
        yield Trade("macro_flops", table, MACRO, "mflops", (None, 20))
    elif CELLS in frame:
        table = Table(frame, ["e10", "e20", "e21", "e30", "e31", "e32"])
        yield Regret("nb201", table, CELLS, "c10_test_e200")
        yield Trade("nb201_c10_flops", table, CELLS, "flops_m", (None, 20))
        yield Trade("nb201_c10_edgegpu", table, CELLS, "hw_c10_edgegpu_latency", (None, 20))
    elif SEARCHES in frame:
        check_space(path.parent / "supernet_spaces.json")
        surrogate = Surrogate(frame)
        yield Regret("ofa_mbv3", surrogate, "accuracy", "accuracy")
        yield Trade("ofa_mbv3_macs", surrogate, "accuracy", "mmacs", (600, 30))
    else:
        raise SystemExit(f"{path} has none of the columns {MACRO}, {CELLS} and {SEARCHES}, so it is no known table")
