"""What must not change between the pieces of a search."""

from __future__ import annotations

import pytest

from retiarii.domain import Requirement, Symbol
from retiarii.experiment.plan import Plan
from retiarii.testing import DOMAINS

OBJECTIVES = {"accuracy": "maximize", "latency": "minimize"}


@pytest.mark.parametrize("name", DOMAINS)
def test_survives_being_written(name):
    plan = Plan.of("Space", DOMAINS[name], OBJECTIVES, 2**100)
    assert Plan.from_json(plan.to_json()) == plan
    assert plan.changes(Plan.from_json(plan.to_json())) == []


def test_every_domain_differs_from_every_other():
    plans = [Plan.of("Space", domain, OBJECTIVES, 0) for domain in DOMAINS.values()]
    assert all(bool(one.changes(other)) == (one is not other) for one in plans for other in plans)


def test_the_order_of_objectives_counts_and_the_name_of_the_class_does_not():
    plan = Plan.of("Space", DOMAINS["flat"], OBJECTIVES, 0)
    assert plan.changes(Plan.of("Renamed", DOMAINS["flat"], OBJECTIVES, 0)) == []
    turned = dict(reversed(OBJECTIVES.items()))
    assert plan.changes(Plan.of("Space", DOMAINS["flat"], turned, 0)) == [f"objectives: was {OBJECTIVES}, is {turned}"]


def test_constraints_count_in_whatever_order():
    flat, width = DOMAINS["flat"], Symbol("width")
    small, odd = Requirement(width <= 32), Requirement(Symbol("kernel") != width)
    plain, one, two, turned = (
        Plan.of("Space", flat.constrained(*rules), OBJECTIVES, 0) for rules in ([], [small], [small, odd], [odd, small])
    )
    assert two.changes(turned) == []
    assert plain.changes(one) == ["constraints: was none, is width <= 32"]
    assert two.changes(one) == ["constraints: was kernel != width and width <= 32, is width <= 32"]
    assert two.size is None


def test_the_size_is_known_unless_it_is_huge_or_there_is_no_end():
    assert Plan.of("Space", DOMAINS["subsets"], OBJECTIVES, 0).size == 20
    assert Plan.of("Space", DOMAINS["large"], OBJECTIVES, 0).size is None
    assert Plan.of("Space", DOMAINS["continuous"], OBJECTIVES, 0).size is None
