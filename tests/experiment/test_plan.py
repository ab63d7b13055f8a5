"""What must not change between the pieces of a search."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import pytest

from retiarii.domain import Requirement, Symbol
from retiarii.domain.constraint import Predicate
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


def of(models=None, *rules):
    return Plan.of("Net", DOMAINS["flat"].constrained(*rules), OBJECTIVES, 0, models=models)


def known(graph, parts, version="1.0"):
    return {"graph": graph, "parts": parts, "versions": {"torch": version}}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (None, known("a", {}), []),
        (known("a", {}), None, []),
        (known("a", {}), known("a", {"op": "1"}), []),
        (known("a", {}), known("b", {}, "2.0"), []),
        (known(None, {}), known("b", {}), []),
        (known("a", {}), known(None, {}), ["the space can't be traced any more"]),
        (known("a", {"op": "1"}), known("b", {"op": "1"}), ["their parts are put together otherwise"]),
        (known("a", {"op": "1", "": "2"}), known("b", {"": "3"}), ["look at the forward of Net, op"]),
        (known("a", {}), known("b", dict.fromkeys("gfedcba", "1")), ["look at a, b, c, d, e and 2 more"]),
    ],
)
def test_other_models_are_told_with_the_parts_that_differ(before, after, said):
    expected = [f"models: they are others, though made of the same choices: {line}" for line in said]
    assert of(before).changed_models(of(after)) == expected
    assert of(before).changes(of(after)) == []


def test_models_of_other_choices_are_no_news():
    other = Plan.of("Net", DOMAINS["subsets"], OBJECTIVES, 0, models=known("b", {}))
    assert of(known("a", {})).changed_models(other) == []


def test_functions_are_compared_by_code():
    wide, wider = Predicate(lambda sample: sample["width"] > 16), Predicate(lambda sample: sample["width"] > 32)
    assert of(None, wide, wider).changes(of(None, wider, wide)) == []
    assert of(None, wide).changes(of(None, wider)) == ["constraints: the code of predicate <lambda> is another one"]
    elsewhere = replace(of(None, wide), marks=["cpython-399 00000000"])
    assert elsewhere.changes(of(None, wide)) == of(None, wide).changes(elsewhere) == []


def test_older_plans_know_nothing_of_functions():
    rule = partial(lambda sample, limit: sample["width"] > limit, limit=16)
    before = replace(of(None, Predicate(rule)), constraints=["predicate partial"], marks=None)
    assert before.changes(of(None, Predicate(rule))) == []
    assert before.changes(of(None)) == ["constraints: was predicate partial, is none"]


@pytest.mark.parametrize("change", [{"marks": ["a"]}, {"models": {"graph": "a"}}])
def test_what_is_no_plan_is_refused(change):
    with pytest.raises(ValueError, match=f"the {next(iter(change))} are"):
        Plan.from_json(json.dumps({**json.loads(of().to_json()), **change}))


def test_the_size_is_known_unless_it_is_huge_or_there_is_no_end():
    assert Plan.of("Space", DOMAINS["subsets"], OBJECTIVES, 0).size == 20
    assert Plan.of("Space", DOMAINS["large"], OBJECTIVES, 0).size is None
    assert Plan.of("Space", DOMAINS["continuous"], OBJECTIVES, 0).size is None
