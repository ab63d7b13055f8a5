"""NSGA-II: evolution towards a whole front of compromises."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import moocore
import numpy as np
from numpy.typing import NDArray

from retiarii.domain import Domain, Sample
from retiarii.errors import ConstraintError, ExperimentError
from retiarii.strategies.arguments import check_integers
from retiarii.strategies.digest import digest
from retiarii.strategy import Objectives, Strategy
from retiarii.trial import Trial

_PARENTS = 2


@dataclass(frozen=True, slots=True)
class _Member:
    """A trial of the population."""

    digest: bytes
    sample: Sample
    costs: tuple[float, ...]
    """The objectives, with signs that make all of them to be minimised."""

    violations: tuple[float, ...]
    """How far the sample is from keeping each constraint."""


class NSGA2(Strategy):
    """Evolution of a population towards the Pareto front, for any number of objectives, one included.

    Two parents are chosen, each as the better of two drawn members: the one on the better front of non-domination, or,
    on the same front, in the less crowded place. Their child has each decision from either, and then some decisions
    are changed. Every trial that ends joins the population at once, and the worst member leaves it. This steady-state
    form needs no generation to end, and on tables of trained networks it is never behind generations. There, for
    budgets of up to 400 trials, a population of 20 does best.

    All that is proposed keeps the constraints of the domain. Trials told that break them, which come from elsewhere,
    are behind all that keep them, the nearest first. Failed ones join nothing. A sample told again takes the place of
    its earlier trial.

    Sources: Deb, Pratap, Agarwal, Meyarivan, "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE
    Transactions on Evolutionary Computation 6(2), 2002; steady state: Durillo, Nebro, Luna, Alba, "On the effect of the
    steady-state selection scheme in multi-objective genetic algorithms", EMO 2009.

    Args:
        population_size: How many trials are bred from; as many random ones come first.
        mutations: How many decisions of a child are changed on average, each with the same probability. The textbook
            has 1.

    Raises:
        ExperimentError: an argument is unusable.
    """

    def __init__(self, population_size: int = 20, mutations: float = 1.0) -> None:
        check_integers("NSGA2", _PARENTS, population_size=population_size)
        if isinstance(mutations, bool) or not isinstance(mutations, int | float) or not 0 < mutations < math.inf:
            raise ExperimentError(f"NSGA2(mutations={mutations!r}): give a positive number")
        self.population_size = population_size
        self.mutations = float(mutations)

    def bind(self, domain: Domain, objectives: Objectives, seed: int) -> None:
        super().bind(domain, objectives, seed)
        self._signs = [(name, -1.0 if direction == "maximize" else 1.0) for name, direction in objectives.items()]
        self._several = {label for label, choice in domain.choices.items() if choice.size > 1}
        self._population: list[_Member] = []

    def ask(self) -> Sample:
        rng = self.rng()
        if self.known < self.population_size or len(self._population) < _PARENTS:
            return self.domain.random(rng)
        try:
            return self._child(rng)
        except ConstraintError:
            return self.domain.random(rng)

    def tell(self, trial: Trial) -> None:
        super().tell(trial)
        costs = tuple([sign * trial.metrics.get(name, math.nan) for name, sign in self._signs])
        if not trial.has_ended or not all(map(math.isfinite, costs)):
            return
        violations = tuple(self.domain.distances(trial.sample).tolist())
        member = _Member(digest(trial.sample), trial.sample, costs, violations)
        others = [other for other in self._population if other.digest != member.digest]
        self._population = _best_first([*others, member])[: self.population_size]

    def _child(self, rng: np.random.Generator) -> Sample:
        # The population is sorted, so that the better of two members is the one with the lower index.
        drawn = rng.integers(len(self._population), size=(_PARENTS, 2)).min(axis=1)
        one, other = [self._population[index].sample for index in drawn.tolist()]
        child = self.domain.crossed(one, other, rng)
        # Two samples of a domain differ in a choice that both have, so here is one with another value.
        several = sum([label in self._several for label in child])
        for _ in range(rng.binomial(several, min(1.0, self.mutations / several))):
            child = self.domain.mutated_at(child, rng.random(2 + len(self.domain.choices)).tolist())
        return child


def _best_first(members: Sequence[_Member]) -> list[_Member]:
    """By front, the members of each front by the room around them."""
    costs = np.array([member.costs for member in members])
    ranks = _ranks(costs, np.array([member.violations for member in members]))
    order = np.lexsort((-_crowding(costs, ranks), ranks))
    return [members[index] for index in order.tolist()]


def _ranks(costs: NDArray[np.float64], violations: NDArray[np.float64]) -> NDArray[np.int_]:
    """The front of each point, from 0, under constraint-domination (Deb et al. 2002, section VI).

    What breaks constraints comes after what breaks none, the nearest first. Several constraints have no unit in common,
    so their violations are compared by fronts, too.
    """
    breaking = violations.any(axis=1)
    ranks = np.empty(len(costs), dtype=np.int_)
    ranks[~breaking] = moocore.pareto_rank(costs[~breaking])
    ranks[breaking] = len(costs) + moocore.pareto_rank(violations[breaking])
    return ranks


def _crowding(costs: NDArray[np.float64], ranks: NDArray[np.int_]) -> NDArray[np.float64]:
    """The crowding distance (Deb et al. 2002, section III-B) of each point within those of its rank."""
    distances = np.zeros(len(costs))
    for column in costs.T:
        order = np.lexsort((column, ranks))
        scaled = column / max(np.abs(column).max(), np.finfo(np.float64).tiny)
        extent = np.ptp(scaled)
        gaps = np.full(len(order) + 1, np.inf)
        apart = ranks[order[1:]] != ranks[order[:-1]]
        gaps[1:-1] = np.where(apart, np.inf, np.diff(scaled[order]) / (extent if extent > 0 else 1.0))
        distances[order] += gaps[1:] + gaps[:-1]
    return distances
