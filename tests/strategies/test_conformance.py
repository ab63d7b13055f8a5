"""Every strategy keeps the contract; so does the one that the documentation of `Strategy` shows."""

from __future__ import annotations

import inspect
import math
import textwrap
from typing import ClassVar

from retiarii import Strategy
from retiarii.strategies import (
    NSGA2,
    TPE,
    Chain,
    Filter,
    FirstSamples,
    GiveUp,
    GridSearch,
    LocalSearch,
    PolicyBasedRL,
    Random,
    RegularizedEvolution,
    Scalarized,
)
from retiarii.testing import DOMAINS, StrategyConformance

COUNTABLE = {name: domain for name, domain in DOMAINS.items() if domain.size < math.inf}


class TestRandom(StrategyConformance):
    def make(self):
        return Random()


class TestRandomOverModels(StrategyConformance):
    domains: ClassVar = COUNTABLE

    def make(self):
        return Random(over="models")


class TestGridSearch(StrategyConformance):
    domains: ClassVar = COUNTABLE

    def make(self):
        return GridSearch()


class TestShuffledGridSearch(StrategyConformance):
    domains: ClassVar = COUNTABLE

    def make(self):
        return GridSearch(shuffle=True)


class TestRegularizedEvolution(StrategyConformance):
    def make(self):
        return RegularizedEvolution(population_size=8, sample_size=3)


class TestRegularizedEvolutionWithCrossover(StrategyConformance):
    objectives: ClassVar = {"error": "minimize"}

    def make(self):
        return RegularizedEvolution(population_size=8, sample_size=3, crossover=0.5)


class TestLocalSearch(StrategyConformance):
    def make(self):
        return LocalSearch()


class TestTPE(StrategyConformance):
    def make(self):
        return TPE(first_random=8)


class TestPolicyBasedRL(StrategyConformance):
    def make(self):
        return PolicyBasedRL(samples_per_update=5)


class TestNSGA2(StrategyConformance):
    objectives: ClassVar = {"error": "minimize", "accuracy": "maximize", "parameters": "minimize"}

    def make(self):
        return NSGA2(population_size=8)


class TestNSGA2WithOneObjective(StrategyConformance):
    def make(self):
        return NSGA2(population_size=8)


class TestRandomWithTwoObjectives(StrategyConformance):
    objectives: ClassVar = {"error": "minimize", "parameters": "minimize"}

    def make(self):
        return Random()


class TestChain(StrategyConformance):
    objectives: ClassVar = {"error": "minimize", "accuracy": "maximize"}

    def make(self):
        inner = RegularizedEvolution(population_size=5, sample_size=3)
        weights = Scalarized({"error": -1.0, "accuracy": 2.0})
        return Chain(inner, weights, Filter(lambda sample: True), FirstSamples([]), GiveUp(failures=1000))


def shown_strategy():
    """The class that the docstring of `Strategy` shows."""
    code = textwrap.dedent(inspect.getdoc(Strategy).split("::\n\n")[1].split("\n\nAttributes")[0])
    names = {"Strategy": Strategy}
    exec(code, names)  # noqa: S102  (our own documentation)
    return names["HillClimbing"]


class TestTheStrategyOfTheDocumentation(StrategyConformance):
    domains: ClassVar = {name: domain for name, domain in DOMAINS.items() if name != "single"}

    def make(self):
        return shown_strategy()()
