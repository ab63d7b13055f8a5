from __future__ import annotations

import math
import statistics
import subprocess
import sys

import numpy as np
import pytest
import torch

from retiarii.domain import Categorical, Domain, Numeric, Predicate, Subset, Symbol
from retiarii.errors import ConstraintError, ExperimentError
from retiarii.strategies import PolicyBasedRL
from retiarii.testing import DOMAINS
from retiarii.testing.simulated_search import SimulatedSearch
from retiarii.trial import Trial

KIND = Symbol("kind")
MIXED = Domain(
    [
        Categorical("kind", ("sgd", "adam")),
        Numeric("rate", 1e-6, 1.0, log=True),
        Numeric("momentum", 0.0, 1.0),
        *[Categorical(f"layer{index}", ("conv", "pool", "skip", "none")) for index in range(6)],
        Subset("inputs", 4, 1, 3),
    ],
    {"momentum": ((KIND == "sgd",),)},
)


def quality(sample):
    """At most 9, with adam, a rate near 0.001, convolutions, and inputs 1 and 2."""
    layers = sum(value == "conv" for value in sample.values())
    others = (sample["kind"] == "adam") - len({*sample["inputs"]} ^ {1, 2}) / 2
    return layers + others + 2 - abs(math.log10(sample["rate"]) + 3)


def bound(strategy, domain, direction="maximize", seed=0):
    strategy.bind(domain, {"score": direction}, seed)
    return strategy


def search(strategy, function, count, first=0):
    """`count` samples one after the other, each with its score; None where the trial failed."""
    found = []
    for number in range(first, first + count):
        trial = Trial(number, strategy.ask())
        strategy.tell(trial)
        value = function(trial.sample)
        running = trial.running()
        strategy.tell(running.failed("Traceback: no luck") if value is None else running.completed({"score": value}))
        found.append((trial.sample, value))
    return found


@pytest.mark.parametrize(("direction", "factor"), [("maximize", 1.0), ("maximize", 1e6), ("minimize", -1e-6)])
def test_learns_to_propose_better_samples(direction, factor):
    found = search(bound(PolicyBasedRL(), MIXED, direction), lambda sample: factor * quality(sample) + 5, 200)
    scores = [quality(sample) for sample, _ in found]
    first, last = statistics.mean(scores[:50]), statistics.mean(scores[-50:])
    assert last > first + 3, (first, last)
    assert all(MIXED.contains(sample) for sample, _ in found)


def test_avoids_what_fails():
    found = search(
        bound(PolicyBasedRL(), DOMAINS["large"]),
        lambda sample: (
            None
            if sample["choice0"] in "ab" or sample["choice1"] == "d"
            else sum(value == "c" for value in sample.values())
        ),
        160,
    )
    failed = [value is None for _, value in found]
    assert sum(failed[-40:]) < sum(failed[:40]) / 2


def test_goes_on_where_all_trials_fail():
    found = search(bound(PolicyBasedRL(), MIXED), lambda sample: None, 30)
    assert len({repr(sample) for sample, _ in found}) == 30


@pytest.mark.parametrize("name", ["conditional", "constrained", "subsets", "integers", "look-alikes"])
def test_gives_nothing_twice_while_it_finds_something_else(name):
    domain = DOMAINS[name]
    few = int(domain.size) // 2
    found = search(bound(PolicyBasedRL(), domain), lambda sample: len(repr(sample)), few)
    assert len({repr(sample) for sample, _ in found}) == few


def test_asks_without_a_tell_give_different_samples():
    strategy = bound(PolicyBasedRL(), MIXED)
    assert len({repr(strategy.ask()) for _ in range(300)}) == 300


@pytest.mark.parametrize("name", ["large", "numbers", "constrained"])
@pytest.mark.parametrize("steps", [7, 23])
def test_a_resumed_search_goes_on_as_if_nothing_had_happened(name, steps):
    """With four trials at a time that end in any order, some of them without a metric."""
    search = SimulatedSearch(bound(PolicyBasedRL(samples_per_update=6), DOMAINS[name], seed=3), capacity=4).run(steps)
    resumed = search.resumed(PolicyBasedRL(samples_per_update=6))
    assert search.run(20).proposed == resumed.run(20).proposed


def test_learns_from_trials_of_others():
    alone, taught = bound(PolicyBasedRL(), MIXED), bound(PolicyBasedRL(), MIXED)
    rng = np.random.default_rng(0)
    for number in range(100):
        sample = MIXED.random(rng)
        taught.tell(Trial(number, sample).running().completed({"score": quality(sample)}))
    means = [statistics.mean([quality(strategy.ask()) for _ in range(40)]) for strategy in (alone, taught)]
    assert means[1] > means[0] + 1.5, means


def test_finds_the_needle_that_random_search_misses_in_a_huge_space():
    found = search(bound(PolicyBasedRL(), DOMAINS["large"]), lambda sample: [*sample.values()].count("b"), 200)
    counts = [value for _, value in found]
    assert max(counts[-20:]) > max(counts[:60]) + 5


def test_says_so_where_no_sample_keeps_the_constraints():
    domain = Domain([Categorical("act", ("relu", "tanh"))], constraints=[Predicate(lambda sample: False)])
    with pytest.raises(ConstraintError, match="no sample"):
        bound(PolicyBasedRL(), domain).ask()


@pytest.mark.parametrize(
    "arguments",
    [
        {"samples_per_update": 1},
        {"samples_per_update": 2.5},
        {"learning_rate": 0.0},
        {"learning_rate": math.nan},
        {"entropy": -0.1},
        {"entropy": math.inf},
    ],
)
def test_refuses_numbers_out_of_range(arguments):
    ((name, number),) = arguments.items()
    with pytest.raises(ExperimentError, match=f"{name}={number}"):
        PolicyBasedRL(**arguments)


def test_refuses_several_objectives():
    with pytest.raises(ExperimentError, match="PolicyBasedRL optimises one objective"):
        PolicyBasedRL().bind(MIXED, {"score": "maximize", "size": "minimize"}, 0)


def test_nothing_heavy_is_imported_before_it_is_needed():
    code = "import retiarii.strategies, sys; assert not {'torch', 'tianshou'} & {*sys.modules}"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_hundreds_of_decisions_are_learned_from():
    domain = Domain([Categorical(f"choice{number}", (0, 1, 2)) for number in range(250)])
    strategy = PolicyBasedRL(samples_per_update=8)
    strategy.bind(domain, {"score": "maximize"}, 0)
    assert len(SimulatedSearch(strategy).run(20).proposed) == 20


@pytest.mark.parametrize("precision", [torch.float64, torch.bfloat16])
def test_the_precision_of_the_script_makes_no_difference(precision):
    def proposed():
        strategy = PolicyBasedRL(samples_per_update=4)
        strategy.bind(DOMAINS["conditional"], {"score": "maximize"}, 3)
        return SimulatedSearch(strategy).run(10).proposed

    usual, before = proposed(), torch.get_default_dtype()
    torch.set_default_dtype(precision)
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16), torch.inference_mode():
            assert proposed() == usual
    finally:
        torch.set_default_dtype(before)
