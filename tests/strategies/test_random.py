"""Random search: what is likely, what it costs, and that nothing is left out."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retiarii import ConstraintError, DomainError, Trial
from retiarii.domain import Categorical, Domain, Numeric, Predicate, Requirement, Symbol
from retiarii.strategies import Random
from retiarii.testing import DOMAINS
from retiarii.testing.simulated_search import SimulatedSearch


class CountingDomain(Domain):
    """Counts what is asked of it."""

    def __init__(self, choices, conditions=None, constraints=()):
        super().__init__(choices, conditions, constraints)
        self.draws = self.listed = 0

    def at(self, shares):
        self.draws += 1
        return super().at(shares)

    def nth(self, index):
        self.listed += 1
        return super().nth(index)


def bound(domain, seed=0, over="labels"):
    strategy = Random(over)
    strategy.bind(domain, {"score": "maximize"}, seed)
    return strategy


def asked(strategy, count):
    return list(islice(iter(strategy.ask, None), count))


def searched(strategy, count, first=0):
    """Samples asked for, each of which is a trial before the next."""
    samples = []
    for number in range(first, first + count):
        sample = strategy.ask()
        strategy.tell(Trial(number, sample))
        strategy.tell(Trial(number, sample).running().completed({"score": 1.0}))
        samples.append(sample)
    return samples


def branching():
    return Domain(
        [Categorical("kind", ("plain", "rich")), Categorical("size", tuple(range(1000)))],
        {"size": ((Symbol("kind") == "rich",),)},
    )


def test_every_decision_is_uniform_over_its_candidates():
    first = Counter(bound(branching(), seed).ask()["kind"] for seed in range(400))
    assert first["plain"] == pytest.approx(200, abs=50)


def test_over_models_every_sample_is_as_likely():
    first = Counter(bound(branching(), seed, "models").ask()["kind"] for seed in range(400))
    assert first["plain"] <= 3
    domain = DOMAINS["conditional"]
    drawn = Counter(json.dumps(bound(domain, seed, "models").ask()) for seed in range(2800))
    assert len(drawn) == domain.size == 14
    assert sum([(count - 200) ** 2 / 200 for count in drawn.values()]) < 35  # 13 degrees of freedom


def test_over_models_keeps_constraints_and_needs_choices_that_can_be_listed():
    domain = DOMAINS["constrained"]
    assert sorted(map(json.dumps, asked(bound(domain, 0, "models"), 100))) == sorted(map(json.dumps, domain.grid()))
    with pytest.raises(DomainError, match=r"'rate' is continuous; give it a list of values, or use over=\"labels\""):
        bound(DOMAINS["continuous"], 0, "models")
    with pytest.raises(DomainError, match=r"Random\(over='all'\): give \"labels\" or \"models\""):
        Random("all")


def test_constant_cost_of_a_hundred_thousand_samples():
    domain = CountingDomain([Categorical(f"choice{index}", tuple(range(8))) for index in range(9)])
    strategy = bound(domain)
    keys = {json.dumps(sample) for sample in asked(strategy, 10_000)}
    first = domain.draws
    keys |= {json.dumps(sample) for sample in asked(strategy, 80_000)}
    before_last = domain.draws
    keys |= {json.dumps(sample) for sample in asked(strategy, 10_000)}
    assert len(keys) == 100_000
    assert domain.draws - before_last <= 1.01 * first
    assert domain.listed == 0


@pytest.mark.parametrize("candidates", [8, 16])
def test_a_full_sweep_costs_in_proportion_to_the_size(candidates):
    domain = CountingDomain([Categorical(f"choice{index}", tuple(range(candidates))) for index in range(3)])
    assert len({json.dumps(sample) for sample in asked(bound(domain), 10**6)}) == domain.size
    assert domain.draws < 12 * domain.size
    assert domain.listed <= domain.size


def test_a_rare_branch_is_reached_when_the_others_are_spent():
    domain = Domain(
        [Categorical("kind", tuple(range(200))), Categorical("size", tuple(range(50)))],
        {"size": ((Symbol("kind") == 0,),)},
    )
    assert len({json.dumps(sample) for sample in asked(bound(domain), 1000)}) == domain.size == 249


def test_what_is_left_comes_in_an_order_by_chance():
    domain = DOMAINS["rare"]
    found = asked(bound(domain), 200)
    assert len(found) == 100
    assert found[50:] != sorted(found[50:], key=lambda sample: tuple(sample.values()))


def test_a_space_without_end_whose_samples_are_spent_ends_the_search():
    lone = Domain(
        [Categorical("kind", ("a", "b")), Numeric("rate", 0.0, 1.0)],
        {"rate": ((Symbol("kind") == Symbol("kind"), Symbol("kind") == "a", Symbol("kind") == "b"),)},
    )
    assert lone.size == 2
    assert len(asked(bound(lone), 10)) == 2


@given(st.integers(0, 2**63), st.sets(st.integers(0, 29), max_size=29))
def test_what_is_known_is_left_out(seed, known):
    domain = DOMAINS["subsets"]
    samples = list(domain.grid())
    told = [samples[index] for index in known if index < len(samples)]
    strategy = bound(domain, seed)
    for number, sample in enumerate(told):
        strategy.tell(Trial(number, sample).running().completed({"score": 1.0}))
    rest = asked(strategy, 100)
    assert sorted(map(json.dumps, told + rest)) == sorted(map(json.dumps, samples))


@pytest.mark.parametrize("over", ["labels", "models"])
def test_samples_do_not_depend_on_when_trials_end(over):
    domain = DOMAINS["subsets"]
    alone, together = (bound(domain, 3, over) for _ in range(2))
    expected = searched(alone, 15)
    found = []
    for number in range(15):
        found.append(together.ask())
        together.tell(Trial(number, found[-1]))
        if number % 3 == 2:
            for ending in (number, number - 2, number - 1):
                together.tell(Trial(ending, found[ending]).running().completed({"score": 1.0}))
    assert found == expected


@pytest.mark.parametrize("name", ["subsets", "continuous", "constrained", "rare"])
def test_a_proposal_that_becomes_no_trial_changes_nothing(name):
    whole, resumed = (bound(DOMAINS[name], 5) for _ in range(2))
    tried = searched(whole, 4)
    assert len({json.dumps(sample) for sample in asked(whole, 2)}) == 2
    tried += searched(whole, 1, 4)
    for number, sample in enumerate(tried):
        resumed.tell(Trial(number, sample).running().completed({"score": 1.0}))
    assert asked(resumed, 20) == asked(whole, 20)


def test_proposals_thrown_away_come_again():
    strategy = bound(DOMAINS["flat"])
    (tried,) = searched(strategy, 1)
    thrown = asked(strategy, 5)
    assert strategy.ask() is None
    assert strategy.ending == "every sample of the space has been tried"
    strategy.tell(Trial(0, tried).running().completed({"score": 1.0}))
    assert asked(strategy, 10) == thrown


@given(st.integers(0, 50), st.integers(1, 6), st.integers(0, 10))
def test_an_overlapping_search_is_resumed_where_it_was(seed, capacity, cut):
    strategy = bound(DOMAINS["subsets"], seed)
    search = SimulatedSearch(strategy, capacity=capacity, seed=seed).run(cut)
    resumed = search.resumed(Random())
    assert search.run(100).proposed == resumed.run(100).proposed
    assert len(search.proposed) == strategy.domain.size


def digits(*rules):
    return Domain([Categorical(f"digit{index}", tuple(range(10))) for index in range(4)], {}, rules)


TOTAL = sum([Symbol(f"digit{index}") for index in range(1, 4)], Symbol("digit0"))


def test_a_constrained_space_is_searched_to_its_end():
    strategy = bound(digits(Requirement(TOTAL == 2)))
    found = asked(strategy, 100)
    assert len({json.dumps(sample) for sample in found}) == len(found) == 10
    assert all(sum(sample.values()) == 2 for sample in found)
    assert strategy.ask() is None


@pytest.mark.parametrize("over", ["labels", "models"])
def test_a_needle_is_found_where_draws_fail(over):
    strategy = bound(digits(Requirement(TOTAL == 36)), over=over)
    assert asked(strategy, 10) == [{f"digit{index}": 9 for index in range(4)}]
    assert strategy.ask() is None


def is_first(sample):
    return set(sample.values()) == {0}


def test_a_needle_that_only_checks_can_tell_is_found():
    assert asked(bound(digits(Predicate(is_first))), 10) == [{f"digit{index}": 0 for index in range(4)}]


def test_a_space_without_any_sample_says_so():
    with pytest.raises(ConstraintError, match=r"no sample at all is within .* == 37; in the nearest, try .* is 36"):
        bound(digits(Requirement(TOTAL == 37))).ask()
    endless = Domain([Numeric("rate", 0.0, 1.0)], {}, [Requirement(Symbol("rate") > 2)])
    with pytest.raises(ConstraintError, match="no sample within rate > 2 in 10,000 tries"):
        bound(endless).ask()


def test_an_endless_space_of_which_no_more_is_found_ends():
    rare = Domain([Numeric("rate", 0.0, 1.0)], {}, [Requirement(Symbol("rate") > 2)])
    strategy = bound(rare)
    strategy.tell(Trial(0, {"rate": 0.5}))
    assert strategy.ask() is None
    assert strategy.ending == "no new sample was found in 10,000 draws"


def test_seeds_differ():
    assert asked(bound(DOMAINS["large"], 0), 3) != asked(bound(DOMAINS["large"], 1), 3)
