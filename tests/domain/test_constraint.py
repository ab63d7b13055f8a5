"""Rules that samples keep: what they say of samples, and what a domain makes of them."""

from __future__ import annotations

import copy
import json
import math
import pickle

import numpy as np
import pytest
from generated_domains import constrained_domains
from hypothesis import given
from hypothesis import strategies as st

from retiarii.domain import Categorical, Domain, Limit, Numeric, Predicate, Requirement, Subset, Symbol, condition
from retiarii.domain.sieve import MOST_TRIES
from retiarii.errors import ChoiceUsedAsValueError, ConstraintError, DomainError, ProfileError, SampleError

WIDTH, DEPTH, KERNEL = Symbol("width"), Symbol("depth"), Symbol("kernel")


class Area:
    """width times depth; counts how often it is asked, and about how many samples."""

    name = "area"

    def __init__(self):
        self.calls = self.samples = 0

    def __call__(self, samples):
        self.calls += 1
        self.samples += len(samples)
        return np.array([sample["width"] * sample["depth"] for sample in samples])


def plain(widths=range(1, 101), depths=range(1, 101)):
    return Domain([Categorical("width", tuple(widths)), Categorical("depth", tuple(depths))])


def blocks(*constraints):
    """A kernel that is decided only in deep models."""
    choices = [Categorical("depth", (1, 2, 3)), Categorical("width", (8, 16)), Categorical("kernel", (3, 5, 7))]
    return Domain(choices, {"kernel": ((DEPTH >= 3,),)}, constraints)


def wanted(domain):
    return [sample for sample in domain.unconstrained.grid() if all(c.holds(sample) for c in domain.constraints)]


@given(constrained_domains())
def test_grid_and_size_are_those_of_the_samples_that_keep_the_rules(domain):
    samples = wanted(domain)
    assert domain.size == len(samples)
    if samples:
        assert list(domain.grid()) == samples
    else:
        with pytest.raises(ConstraintError, match="no sample at all is within"):
            next(domain.grid())


@given(constrained_domains(), st.integers(0, 5))
def test_what_is_drawn_is_contained_and_what_breaks_a_rule_is_not(domain, seed):
    samples = wanted(domain)
    for sample in domain.unconstrained.grid():
        assert domain.contains(sample) == (repr(sample) in map(repr, samples))
    if not samples:
        return
    rng = np.random.default_rng(seed)
    for sample in [domain.default(), *[domain.random(rng) for _ in range(5)]]:
        assert sample in samples
        assert domain.canonical(json.loads(json.dumps(sample))) == sample


@given(constrained_domains())
def test_all_forms_of_a_verdict_agree(domain):
    samples = list(domain.unconstrained.grid())
    for rule in domain.constraints:
        held = [rule.holds(sample) for sample in samples]
        assert rule.which_hold(samples).tolist() == held
        assert [distance == 0 for distance in rule.distances(samples)] == held
        assert rule.which_hold([]).shape == (0,)


@given(constrained_domains())
def test_pickles_copies_and_compares_by_description(domain):
    again = pickle.loads(pickle.dumps(domain))  # noqa: S301
    assert again == domain == copy.deepcopy(domain)
    assert again.constraints == domain.constraints
    assert hash(again) == hash(domain)
    assert [rule.which_hold(wanted(again)).all() for rule in again.constraints]
    assert domain != domain.unconstrained
    assert domain.unconstrained == Domain(domain.choices.values(), domain.conditions)


def test_the_order_of_constraints_is_of_no_importance():
    small, even = Requirement(WIDTH <= 8), Limit(Area(), upper=16)
    assert blocks(small, even) == blocks(even, small) != blocks(small, small)


def test_a_constraint_that_refuses_nothing_changes_no_draw():
    domain = Domain([Subset("s", 3), Numeric("rate", 0, 1), Categorical("c", (1, 2, 3))])
    lax = domain.constrained(Requirement(Symbol("rate") >= 0))
    drawn = [domain.random(np.random.default_rng(seed)) for seed in range(20)]
    assert [lax.random(np.random.default_rng(seed)) for seed in range(20)] == drawn
    assert lax.unconstrained == domain
    assert domain.unconstrained is domain


def test_the_same_seed_gives_the_same_sample_and_every_allowed_one_is_as_likely():
    domain = plain(range(1, 11), range(1, 11)).constrained(Limit(Area(), 10, 12))
    rng = np.random.default_rng(0)
    drawn = [domain.random(rng) for _ in range(2000)]
    again = np.random.default_rng(0)
    assert drawn[:50] == [domain.random(again) for _ in range(50)]
    counts = [drawn.count(sample) for sample in domain.grid()]
    assert sum(counts) == 2000
    assert len(counts) == domain.size == 8
    assert max(counts) < 1.3 * min(counts)


def test_a_cost_is_asked_about_many_samples_at_once():
    area = Area()
    rare = plain().constrained(Limit(area, upper=20))
    rng = np.random.default_rng(1)
    for _ in range(100):
        rare.random(rng)
    assert area.samples > 100 * 10_000 / 66
    assert area.calls < area.samples / 10


def test_a_sample_that_always_fits_costs_one_question():
    area = Area()
    plain().constrained(Limit(area, upper=10**6)).random(np.random.default_rng(0))
    assert (area.calls, area.samples) == (1, 1)


def test_an_unsatisfiable_limit_ends_with_the_nearest_cost():
    domain = plain().constrained(Limit(Area(), upper=0.5))
    with pytest.raises(ConstraintError) as caught:
        domain.random(np.random.default_rng(0))
    message = str(caught.value)
    assert MOST_TRIES == 10_000
    assert message.startswith("no sample within area <= 0.5 in 10,000 tries; in the nearest, try ")
    assert message.endswith(", area is 1; loosen a constraint, or widen the choices")
    with pytest.raises(ConstraintError, match=r"no sample at all is within area <= 0.5; in the nearest, try 1, "):
        list(domain.grid())
    with pytest.raises(ConstraintError, match="in 10,000 tries"):
        domain.default()
    with pytest.raises(ConstraintError, match="in 256 tries"):
        domain.mutated({"width": 1, "depth": 1}, np.random.default_rng(0))
    assert domain.size == 0


def test_the_message_says_how_often_each_constraint_refused():
    domain = plain().constrained(Limit(Area(), lower=2e4), Requirement(WIDTH <= 50), Predicate(whatever))
    with pytest.raises(ConstraintError) as caught:
        domain.random(np.random.default_rng(0))
    assert str(caught.value).startswith("no sample within width <= 50 and area >= 20,000 and predicate whatever (")
    by_width, by_area = (int(part.split(" refused ")[1].split(":")[0].replace(",", "")) for part in part_of(caught))
    assert by_width + by_area == 10_000
    assert 4500 < by_width < 5500
    assert ", width is 51; area >= 20,000 refused" in str(caught.value)


def part_of(caught):
    return [part for part in str(caught.value).split("; ") if " refused " in part]


def whatever(sample):
    return True


def test_a_grid_gives_up_after_a_million_in_a_row_and_says_that_it_knows_no_better():
    huge = Domain([Categorical(f"c{index}", tuple(range(10))) for index in range(30)])
    limit = Limit(First(), lower=1)
    with pytest.raises(ConstraintError, match=r"none of 1,000,\d+ samples in a row .* some further on may be"):
        next(huge.constrained(limit).grid())
    assert next(huge.constrained(Requirement(Symbol("c0") >= 1)).grid())["c0"] == 1


class First:
    """The value of the first choice."""

    name = "first"

    def __call__(self, samples):
        return np.array([sample["c0"] for sample in samples])


def test_requirements_cut_off_branches_of_a_grid():
    huge = Domain([Categorical(f"c{index}", (0, 1)) for index in range(60)])
    total = sum([Symbol(label) for label in huge.labels[1:]], Symbol("c0"))
    few = huge.constrained(Requirement(Symbol("c0") == 1), *[Requirement(Symbol(c) == 0) for c in huge.labels[1:50]])
    assert len(list(few.grid())) == few.size == 2**10
    assert huge.constrained(Requirement(total == 2)).size == math.comb(60, 2)


def test_size_is_exact_with_requirements_and_for_few_samples_and_else_an_upper_bound():
    wide = Domain([Categorical(f"c{index}", tuple(range(10))) for index in range(30)])
    halved = wide.constrained(Requirement(Symbol("c0") < 5))
    assert halved.size == 5 * 10**29
    assert halved.constrained(Limit(First(), upper=2)).size == 5 * 10**29
    assert plain(range(300), range(300)).constrained(Limit(Area(), upper=0)).size == 599
    scattered = sum([Symbol(label) * 7**index for index, label in enumerate(wide.labels)], Symbol("c0"))
    assert wide.constrained(Requirement(scattered % 1000 == 3)).size == 10**30
    assert Domain([Numeric("rate", 0, 1)], {}, [Requirement(Symbol("rate") < 0.5)]).size == math.inf


def test_text():
    limit = Limit(Area(), upper=3e8)
    assert repr(limit) == "Limit(area <= 300,000,000)"
    assert str(Limit(Area(), 1, np.float64(2.5))) == "1 <= area <= 2.5"
    assert str(Limit(Area(), lower=-7)) == "area >= -7"
    assert repr(blocks(limit)) == "Domain(3 choices, size 10 without its 1 constraint)"
    assert str(Requirement(WIDTH * DEPTH <= 64)) == "width * depth <= 64"
    assert str(Requirement(KERNEL > 3, ((DEPTH == 3, WIDTH == 8),))) == "kernel > 3 where depth == 3 and width == 8"
    assert Predicate(whatever).description == "predicate whatever"
    assert Predicate(lambda sample: True).description == "predicate <lambda>"
    assert str(Predicate(lambda sample: True)).startswith("predicate <lambda> (")
    assert "test_constraint.py:" in str(Predicate(lambda sample: True))
    assert str(Predicate(bool)) == "predicate bool"


def test_a_requirement_holds_where_it_depends_on_what_is_inactive():
    shallow, deep = {"depth": 1, "width": 8}, {"depth": 3, "width": 8, "kernel": 7}
    holding = {
        KERNEL <= 5: (True, False),
        (KERNEL <= 5) & (WIDTH > 8): (False, False),
        (KERNEL <= 5) | (WIDTH > 8): (True, False),
        condition(DEPTH >= 3, KERNEL, 0) + WIDTH <= 12: (True, False),
        condition(DEPTH >= 3, KERNEL, 5) + WIDTH <= 12: (False, False),
        KERNEL * 0 + WIDTH > 8: (True, False),
    }
    for expression, expected in holding.items():
        assert (Requirement(expression).holds(shallow), Requirement(expression).holds(deep)) == expected, expression
    under_depth = Requirement(WIDTH > 8, ((DEPTH == 3,),))
    assert (under_depth.holds(shallow), under_depth.holds(deep)) == (True, False)
    assert blocks(Requirement(KERNEL <= 5)).size == 4 + 4


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        (Limit(Area(), upper=20), "the sample breaks the constraint area <= 20: area is 48"),
        (Limit(Area(), lower=50), "the sample breaks the constraint area >= 50: area is 48"),
        (
            Requirement(WIDTH * DEPTH < 4 * KERNEL),
            r"width \* depth < 4 \* kernel: width \* depth is 48, 4 \* kernel is 12",
        ),
        (
            Requirement((WIDTH == 8) | (DEPTH == 1)),
            r"\(width == 8\) \| \(depth == 1\): width is 16, depth is 3$",
        ),
    ],
)
def test_validate_says_which_constraint_is_broken_and_by_what(constraint, message):
    sample = {"depth": 3, "width": 16, "kernel": 3}
    with pytest.raises(SampleError, match=message):
        blocks(constraint).validate(sample)
    assert not blocks(constraint).contains(sample)
    assert blocks(constraint).unconstrained.contains(sample)


def test_an_error_in_a_predicate_is_raised_as_it_is_with_its_name():
    def broken(sample):
        return sample["nothing"] > 1

    with pytest.raises(KeyError, match="nothing") as caught:
        blocks(Predicate(broken)).random(np.random.default_rng(0))
    assert "in predicate broken (" in caught.value.__notes__[0]
    assert "'depth': " in caught.value.__notes__[0]


@pytest.mark.parametrize("answer", [1, None, "yes", WIDTH > 3])
def test_a_predicate_that_gives_no_truth_value_is_refused(answer):
    with pytest.raises(DomainError, match=r"predicate <lambda> .* it must give True or False"):
        blocks(Predicate(lambda sample: answer)).random(np.random.default_rng(0))
    assert blocks(Predicate(lambda sample: np.bool_(sample["width"] == 8))).default()["width"] == 8


def test_a_predicate_cannot_change_the_sample():
    assert blocks(Predicate(lambda sample: sample.clear() is None)).random(np.random.default_rng(0)) != {}


def test_a_predicate_may_use_the_domain_that_it_constrains():
    domains = []

    def small(sample):
        return domains[0].canonical(sample)["width"] == 8 and domains[0].contains(sample)

    domains.append(blocks(Predicate(small), Requirement(DEPTH > 1)))
    assert domains[0].random(np.random.default_rng(0))["width"] == 8
    assert not domains[0].contains({"depth": 2, "width": 16})
    assert not domains[0].contains({"depth": 1, "width": 8})
    assert domains[0].size == 1 + 3


def test_the_default_is_that_of_the_choices_where_it_can_be():
    assert blocks(Requirement(WIDTH == 8)).default() == {"depth": 1, "width": 8}
    other = blocks(Requirement(DEPTH * WIDTH > 16))
    assert other.default() == other.default() != {"depth": 1, "width": 8}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Limit(Area()), "the limit on area has neither lower nor upper; give one"),
        (lambda: Limit(Area(), 3, 2), "the limit on area has lower=3 above upper=2"),
        (lambda: Limit(Area(), upper=math.nan), "the limit on area has upper=nan; give a finite number"),
        (lambda: Limit(Area(), upper="3"), "the limit on area has upper='3'; give a finite number"),
        (lambda: Limit(Area(), upper=True), "the limit on area has upper=True; give a finite number"),
        (lambda: Limit(len, upper=3), "the cost of a limit is <built-in function len>; give a function of a list"),
        (lambda: Predicate(3), "a predicate is a function of a sample, not 3"),
        (lambda: Requirement(True), r"a requirement is an expression over choices, not True \(bool\)"),
        (
            lambda: blocks(len),
            r"<built-in function len> \(.*\) is no constraint; give a Limit, Predicate or",
        ),
        (
            lambda: blocks(Requirement(Symbol("widht") < 3)),
            "is about 'widht', .*; the nearest labels are 'width'",
        ),
    ],
)
def test_constraints_written_wrongly(make, message):
    with pytest.raises(DomainError, match=message):
        make()


def test_what_is_no_truth_value_is_no_requirement():
    with pytest.raises(DomainError, match=r"the requirement width \* 2 is 16 \(int\) for the sample .* must be True"):
        Requirement(WIDTH * 2).holds({"width": 8})


@pytest.mark.parametrize("answer", [3, [1, 2], [[1]], ["a"], [True], [None]])
def test_a_cost_that_gives_something_else_than_a_number_for_each_sample(answer):
    class Wrong:
        name = "wrong"

        def __call__(self, samples):
            return answer

    with pytest.raises(DomainError, match=r"cost wrong gave .* for a list of 1 samples; it must give one number for"):
        Limit(Wrong(), upper=3).holds({})


def test_a_cost_that_is_not_a_number_is_outside():
    class Unknown:
        name = "unknown"

        def __call__(self, samples):
            return [math.nan, math.inf, -math.inf, 3]

    assert Limit(Unknown(), upper=3).which_hold([{}] * 4).tolist() == [False, False, True, True]


class Boundless(Area):
    def bounds(self):
        raise ProfileError("too many choices decide together")


def test_bounds_tell_at_once_that_no_sample_can_be_within():
    class Bounded(Area):
        def bounds(self):
            return 8, 48

    Limit(Bounded(), upper=8).check_bounds()
    Limit(Bounded(), lower=48).check_bounds()
    Limit(Area(), upper=-1).check_bounds()
    Limit(Boundless(), upper=-1).check_bounds()
    with pytest.raises(ConstraintError, match=r"^area <= 7.5 holds for no sample: area is from 8 to 48$"):
        Limit(Bounded(), upper=7.5).check_bounds()
    with pytest.raises(ConstraintError, match="area >= 49 holds for no sample"):
        Limit(Bounded(), lower=49).check_bounds()


def test_constraints_are_neither_true_nor_false():
    least, most = Limit(Area(), lower=1e7), Limit(Area(), upper=5e7)
    for combined in (lambda: least and most, lambda: not least, lambda: least or most):
        with pytest.raises(
            TypeError, match=r"whether area >= 10,000,000 holds depends .* space.constrain\(area >= low\)"
        ):
            combined()
    for rule in (Predicate(callable), Requirement(WIDTH > 1)):
        with pytest.raises(ChoiceUsedAsValueError, match=r"for several constraints call space.constrain with each"):
            bool(rule)


@pytest.mark.parametrize("sample", ["22212202", None, [("width", 1)], 3])
def test_what_is_no_mapping_is_no_sample(sample):
    domain = plain()
    assert not domain.contains(sample)
    for check in (domain.canonical, domain.validate):
        with pytest.raises(SampleError, match="a sample is a dict of label: value, not "):
            check(sample)
