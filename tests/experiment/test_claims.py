"""Searches that run at the same time, and what they may not share."""

from __future__ import annotations

from threading import Thread

import pytest

from retiarii import Experiment, ExperimentError, Strategy
from retiarii.evaluators import FunctionalEvaluator
from retiarii.stoppers import ASHA
from retiarii.strategies import TPE, Chain, FirstSamples, GiveUp, Random
from retiarii.testing import DOMAINS, SampleSpace


class Wrapped(Strategy):
    """A strategy of a user's own around another."""

    def __init__(self, within):
        self.within = within

    def bind(self, domain, objectives, seed):
        super().bind(domain, objectives, seed)
        self.within.bind(domain, objectives, seed)

    def ask(self):
        return self.within.ask()


def width(sample):
    return float(sample["width"])


def experiment(directory, name, strategy, function=width, **options):
    evaluator = FunctionalEvaluator(function, argument="sample")
    options = {"max_trials": 2, "seed": 1, **options}
    return Experiment(SampleSpace(DOMAINS["flat"]), evaluator, strategy, directory=directory, name=name, **options)


def meanwhile(second, directory, strategy, **options):
    """What comes of a second search, in another thread, that begins and ends while a first one runs."""
    errors = []

    def attempt():
        try:
            second.run(progress=False)
        except ExperimentError as error:
            errors.append(str(error))

    def score(sample):
        thread = Thread(target=attempt)
        thread.start()
        thread.join()
        return 1.0

    first = experiment(directory, "first", strategy, score, max_trials=1, **options)
    first.run(progress=False)
    assert [trial.state for trial in first.trials] == ["completed"]
    return errors


@pytest.mark.parametrize(
    "around",
    [
        lambda shared: (shared, shared),
        lambda shared: (Chain(shared, GiveUp(failures=5)), shared),
        lambda shared: (shared, Chain(shared, FirstSamples([]), GiveUp(failures=5))),
        lambda shared: (Chain(shared, GiveUp(failures=5)), Chain(shared, GiveUp(failures=5))),
        lambda shared: (Wrapped(shared), Chain(Wrapped(shared), GiveUp(failures=5))),
    ],
)
def test_a_strategy_serves_one_search_at_a_time(tmp_path, around):
    one, another = around(TPE())
    second = experiment(tmp_path, "second", another)
    said = "this TPE searches another experiment at the moment; make one for each"
    assert meanwhile(second, tmp_path, one) == [said]
    assert not second.trials
    second.run(progress=False)
    assert len(second.trials) == 2


def test_a_stopper_serves_one_search_at_a_time(tmp_path):
    stopper = ASHA()
    second = experiment(tmp_path, "second", Random(), stopper=stopper)
    said = "this ASHA stops trials of another experiment at the moment; make one for each"
    assert meanwhile(second, tmp_path, Random(), stopper=stopper) == [said]
    second.run(progress=False)


def test_searches_with_strategies_of_their_own_run_at_the_same_time(tmp_path):
    layer = GiveUp(failures=5)
    second = experiment(tmp_path, "second", Chain(Random(), layer))
    assert meanwhile(second, tmp_path, Chain(Random(), layer)) == []
    assert len(second.trials) == 2


def test_a_search_that_is_refused_leaves_nothing_behind(tmp_path):
    strategy = Random()
    second = experiment(tmp_path, None, strategy)
    assert len(meanwhile(second, tmp_path, strategy)) == 1
    assert second.name is None
    assert [path.name for path in tmp_path.iterdir()] == ["first"]


def test_the_same_experiment_twice_is_told_of_its_record(tmp_path):
    strategy = Random()
    (said,) = meanwhile(experiment(tmp_path, "first", strategy), tmp_path, strategy)
    assert "first is being run" in said
    experiment(tmp_path, "second", strategy).run(progress=False)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_strategy_is_free_again_after_an_error(tmp_path, error):
    def broken(sample):
        raise error("no")

    strategy, stopper = TPE(), ASHA()
    with pytest.raises((ExperimentError, KeyboardInterrupt, SystemExit)):
        experiment(tmp_path, "first", strategy, broken, stopper=stopper, max_trials=6).run(progress=False)
    second = experiment(tmp_path, "second", strategy, stopper=stopper)
    second.run(progress=False)
    assert len(second.trials) == 2
