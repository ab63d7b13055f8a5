from __future__ import annotations

import math
import random
import re
import statistics
import subprocess
import sys

import numpy as np
import pytest

from retiarii.domain import Categorical, Domain, Numeric, Predicate, Requirement, Subset, Symbol
from retiarii.errors import ConstraintError, ExperimentError
from retiarii.strategies import TPE, Random
from retiarii.testing import DOMAINS
from retiarii.testing.simulated_search import SimulatedSearch
from retiarii.trial import Trial

DEPTH, KIND = Symbol("depth"), Symbol("kind")
MIXED = Domain(
    [
        Categorical("kind", ("sgd", "adam")),
        Numeric("rate", 1e-6, 1.0, log=True),
        Numeric("momentum", 0.0, 1.0),
        Numeric("depth", 1, 4, integer=True),
        *[Numeric(f"width{index}", 8, 512, integer=True, log=True) for index in (1, 2, 3)],
        Subset("skips", 4, 1, 3),
    ],
    {"momentum": ((KIND == "sgd",),), "width2": ((DEPTH >= 2,),), "width3": ((DEPTH >= 3, DEPTH != 4), (DEPTH == 4,))},
)


def loss_of(sample):
    """The least is 0, with adam, a rate of 0.001, depth 3, widths near 64, and skips 1 and 2."""
    widths = [abs(math.log2(value) - 6) for label, value in sample.items() if label.startswith("width")]
    worst_kind = 0.0 if sample["kind"] == "adam" else 1 + abs(sample["momentum"] - 0.9)
    others = abs(sample["depth"] - 3) + len({*sample["skips"]} ^ {1, 2})
    return worst_kind + abs(math.log10(sample["rate"]) + 3) + sum(widths) / 4 + others / 2


def bound(strategy, domain, direction="maximize", seed=0):
    strategy.bind(domain, {"score": direction}, seed)
    return strategy


def search(strategy, function, count):
    """`count` samples one after the other, each with its score."""
    found = []
    for number in range(count):
        trial = Trial(number, strategy.ask())
        strategy.tell(trial)
        found.append((trial.sample, function(trial.sample)))
        strategy.tell(trial.running().completed({"score": found[-1][1]}))
    return found


def test_finds_better_ones_than_random_search_in_a_space_of_all_kinds():
    def least(make):
        runs = [search(bound(make(), MIXED, "minimize", seed), loss_of, 100) for seed in range(5)]
        return statistics.mean([min([loss for _, loss in run]) for run in runs])

    assert least(TPE) < 0.5 * least(Random)


def test_maximizes_and_minimizes():
    most = search(bound(TPE(), MIXED, "maximize"), lambda sample: -loss_of(sample), 40)
    least = search(bound(TPE(), MIXED, "minimize"), loss_of, 40)
    assert [sample for sample, _ in most] == [sample for sample, _ in least]


def test_finds_the_best_network_of_a_table_without_repeating_itself():
    layers = Domain([Categorical(f"layer{index}", ("identity", "small", "large")) for index in range(7)])

    def accuracy(sample):
        return sum([(1 + index % 3) * (value == "large") for index, value in enumerate(sample.values())])

    for seed in range(3):
        found = search(bound(TPE(), layers, seed=seed), accuracy, 150)
        assert len({(*sample.values(),) for sample, _ in found}) == 150
        assert max([score for _, score in found]) == 13


def test_values_have_the_types_that_the_domain_wants():
    for sample, _ in search(bound(TPE(first_random=5), MIXED), loss_of, 30):
        assert MIXED.canonical(sample) == sample
        assert type(sample["rate"]) is float
        assert {type(value) for label, value in sample.items() if label.startswith("width")} == {int}
        assert type(sample["skips"]) is list
        assert {type(index) for index in sample["skips"]} == {int}


def test_ends_when_everything_has_been_tried():
    for name in ("flat", "single", "look-alikes", "conditional", "constrained", "subsets"):
        strategy = bound(TPE(first_random=5), DOMAINS[name])
        search = SimulatedSearch(strategy).run(100)
        assert len(search.proposed) == DOMAINS[name].size, name
        assert "no new sample" in strategy.ending


def test_reaches_every_value_of_wide_ranges():
    wide = Domain(
        [
            Numeric("large", 1, 2**63 - 1, integer=True),
            Numeric("log", 1, 2**63 - 1, integer=True, log=True),
            Numeric("signed", -1.7e308, 1.7e308),
            Numeric("tiny", 1e-300, 1.7e308, log=True),
            Numeric("narrow", 1.0, 1.0 + 1e-15, log=True),
            Numeric("constant", 3, 3, integer=True),
            Numeric("few", 2**62, 2**62 + 9, integer=True),
            Numeric("close", 2**62, 2**62 + 99, integer=True, log=True),
        ]
    )
    for sample, _ in search(bound(TPE(first_random=5), wide), lambda sample: sample["log"] / 1e18, 40):
        assert wide.canonical(sample) == sample


def test_failed_trials_count_as_bad():
    domain = Domain([Categorical("fails", (True, False)), Numeric("width", 1, 1000, integer=True)])
    strategy = bound(TPE(), domain)
    for number, sample in enumerate([domain.random(np.random.default_rng(seed)) for seed in range(60)]):
        running = Trial(number, sample).running()
        strategy.tell(running.failed("Traceback") if sample["fails"] else running.completed({"score": 1.0}))
    assert [strategy.ask()["fails"] for _ in range(10)].count(True) <= 1


def test_learns_from_failures_alone():
    domain = Domain([Categorical("side", ("left", "right")), Numeric("width", 1, 1000, integer=True)])
    strategy = bound(TPE(), domain)
    for number in range(40):
        strategy.tell(Trial(number, {"side": "left", "width": number + 1}).running().failed("Traceback"))
    assert {strategy.ask()["side"] for _ in range(10)} == {"right"}


def test_proposes_something_else_than_what_is_out():
    domain = Domain([Categorical("side", ("left", "right")), Numeric("width", 1, 1000, integer=True)])
    for crowded, other in (("left", "right"), ("right", "left")):
        strategy = bound(TPE(), domain)
        for number in range(40):
            sample = {"side": ("left", "right")[number % 2], "width": number + 1}
            strategy.tell(Trial(number, sample).running().completed({"score": 1.0}))
        for number in range(40, 80):
            strategy.tell(Trial(number, {"side": crowded, "width": number + 1}))
        assert {strategy.ask()["side"] for _ in range(5)} == {other}


def test_the_order_in_which_trials_were_let_out_does_not_matter():
    ended = [trial for trial in SimulatedSearch(bound(TPE(first_random=5), MIXED)).run(12).ended]
    out = [Trial(20 + number, MIXED.random(np.random.default_rng(number))) for number in range(6)]
    asked = []
    for seed in range(3):
        strategy = bound(TPE(first_random=5), MIXED)
        for trial in [*ended, *[out[place] for place in np.random.default_rng(seed).permutation(6)]]:
            strategy.tell(trial)
        asked.append(strategy.ask())
    assert asked[0] == asked[1] == asked[2]


@pytest.mark.parametrize("capacity", [1, 2, 5])
def test_a_search_that_was_killed_goes_on_as_it_would_have(capacity):
    search = SimulatedSearch(bound(TPE(first_random=8), MIXED, seed=3), capacity=capacity).run(25)
    resumed = search.resumed(TPE(first_random=8))
    assert any(trial.state == "failed" for trial in search.ended)
    assert search.run(25).proposed == resumed.run(25).proposed


def test_constraints_are_kept_and_what_is_best_within_them_is_found():
    cells = [Numeric(f"cell{index}", 0, 15, integer=True) for index in range(6)]
    rule = Predicate(lambda sample: sum(sample.values()) <= 30)
    domain = Domain(cells, constraints=[rule, Requirement(Symbol("cell0") >= Symbol("cell1"))])
    found = search(bound(TPE(), domain), lambda sample: sample["cell0"] + sample["cell5"], 120)
    assert all([domain.contains(sample) for sample, _ in found])
    assert max([score for _, score in found]) >= 28


def test_a_sample_that_breaks_a_constraint_may_be_told():
    domain = Domain(
        [Numeric("width", 1, 100, integer=True)], constraints=[Predicate(lambda sample: sample["width"] < 50)]
    )
    strategy = bound(TPE(first_random=5), domain)
    for number in range(60, 80):
        strategy.tell(Trial(number, {"width": number}).running().completed({"score": number}))
    assert strategy.ask()["width"] < 50


def test_a_space_without_samples_is_an_error():
    nothing = Domain([Categorical("width", (1, 2))], constraints=[Predicate(lambda sample: False)])
    with pytest.raises(ConstraintError):
        bound(TPE(), nothing).ask()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"first_random": 0}, "TPE(first_random=0): give an integer from 1"),
        ({"candidates": 2.5}, "TPE(candidates=2.5): give an integer from 1"),
        ({"gamma": 0.0}, "TPE(gamma=0.0): give a number above 0"),
        ({"gamma": math.nan}, "TPE(gamma=nan): give a number above 0"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ExperimentError, match=re.escape(message)):
        TPE(**arguments)


def test_several_objectives_are_refused():
    with pytest.raises(ExperimentError, match="TPE optimises one objective, and there are 2"):
        TPE().bind(MIXED, {"accuracy": "maximize", "latency": "minimize"}, 0)


def test_hyperopt_is_loaded_with_the_strategy_only():
    code = (
        "import sys, retiarii.strategies; assert 'hyperopt' not in sys.modules; "
        "retiarii.strategies.TPE; assert 'hyperopt' in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_leaves_global_state_alone_and_says_nothing(capfd, caplog):
    np.random.seed(5)
    random.seed(5)
    before = np.random.get_state()[1].tolist(), random.getstate()
    search(bound(TPE(first_random=5), MIXED), loss_of, 15)
    assert (np.random.get_state()[1].tolist(), random.getstate()) == before
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
