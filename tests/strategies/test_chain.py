"""What is put round strategies."""

from __future__ import annotations

from typing import ClassVar

import pytest

from retiarii import Experiment, ExperimentError, Trial
from retiarii.domain import Categorical, Domain, Requirement, Symbol
from retiarii.evaluators import FunctionalEvaluator
from retiarii.strategies import (
    NSGA2,
    TPE,
    Chain,
    Filter,
    FirstSamples,
    GiveUp,
    GridSearch,
    LocalSearch,
    Random,
    RegularizedEvolution,
    RepeatedEvaluation,
    Scalarized,
)
from retiarii.strategies.deduplication import Deduplication, deduplicated
from retiarii.testing import DOMAINS, SampleSpace, SimulatedSearch

PLANE = Domain([Categorical("x", tuple(range(10))), Categorical("y", tuple(range(10)))])


def bound(strategy, domain=PLANE, objectives=None, seed=0):
    strategy.bind(domain, objectives or {"score": "maximize"}, seed)
    return strategy


def experiment(tmp_path, function, strategy, **options):
    options = {"max_trials": 12, "seed": 0, "directory": tmp_path, "name": "chain", **options}
    return Experiment(SampleSpace(PLANE), FunctionalEvaluator(function, argument="sample"), strategy, **options)


class TestChain:
    def test_a_strategy_comes_first(self):
        with pytest.raises(ExperimentError, match=r"give one first, such as Random\(\)"):
            Chain(GiveUp(2))

    def test_only_middleware_goes_round_it(self):
        with pytest.raises(ExperimentError, match="as middleware 2; give Filter"):
            Chain(Random(), GiveUp(2), Random())

    def test_middleware_can_be_used_in_several_chains(self):
        rule = Filter(Symbol("x") > 7)
        grid, drawn = bound(Chain(GridSearch(), rule)), bound(Chain(Random(), rule))
        assert grid.ask() == {"x": 8, "y": 0}
        assert drawn.ask()["x"] > 7

    def test_a_chain_round_a_chain_is_one_chain(self):
        inner = Chain(Random(), GiveUp(2))
        outer = Chain(inner, FirstSamples([]))
        assert outer.strategy is inner.strategy
        assert [type(layer) for layer in outer.middleware] == [GiveUp, FirstSamples]

    def test_is_a_strategy_of_an_experiment(self, tmp_path):
        first = [{"x": 9, "y": 9}, {"x": 0, "y": 1}]
        rule = Filter(lambda sample: sample["x"] != sample["y"])
        search = Chain(RegularizedEvolution(5, 3), rule, FirstSamples(first))
        ran = experiment(tmp_path, lambda sample: sample["x"] + sample["y"], search)
        ran.run(progress=False)
        samples = [trial.sample for trial in ran.trials]
        assert samples[:2] == first
        assert all(sample["x"] != sample["y"] for sample in samples[2:])
        assert len({tuple(sample.items()) for sample in samples}) == 12


class TestFilter:
    @pytest.mark.parametrize("rule", [lambda sample: sample["x"] * 2 == sample["y"], Symbol("x") * 2 == Symbol("y")])
    def test_only_what_keeps_the_rule_is_proposed(self, rule):
        proposed = (
            SimulatedSearch(bound(deduplicated(Chain(RegularizedEvolution(3, 2), Filter(rule))))).run(20).proposed
        )
        assert sorted(tuple(sample.values()) for sample in proposed) == [(x, 2 * x) for x in range(5)]

    @pytest.mark.parametrize("rule", [3, Random, None])
    def test_a_rule_is_a_function_or_a_constraint(self, rule):
        with pytest.raises(ExperimentError, match="Filter takes a function of a sample"):
            Filter(rule)


class TestFirstSamples:
    def test_a_sample_that_does_not_fit_is_told_with_its_number(self):
        with pytest.raises(ExperimentError, match=r"sample 2 does not fit the space: .*'z'"):
            bound(Chain(Random(), FirstSamples([{"x": 0, "y": 0}, {"x": 0, "z": 0}])))

    def test_those_that_a_resumed_search_knows_are_left_out(self):
        strategy = bound(Chain(GridSearch(), FirstSamples([{"x": 3, "y": value} for value in (1, 2, 3)])))
        strategy.tell(Trial(0, {"x": 3, "y": 2}).running().completed({"score": 1.0}))
        assert [strategy.ask()["y"] for _ in range(3)] == [1, 3, 0]

    def test_they_are_part_of_the_first_population(self):
        best = {"x": 7, "y": 7}
        strategy = bound(Chain(RegularizedEvolution(4, 40), FirstSamples([best])))
        search = SimulatedSearch(strategy)
        search.run(4)
        strategy.tell(Trial(4, best).running().completed({"score": 2.0}))
        children = [strategy.ask() for _ in range(5)]
        assert all((child["x"] == 7) != (child["y"] == 7) for child in children)

    @pytest.mark.parametrize("samples", [{"x": 0, "y": 0}, ["x"], [[0, 0]]])
    def test_they_are_a_list_of_samples(self, samples):
        with pytest.raises(ExperimentError, match="FirstSamples takes a list of samples"):
            FirstSamples(samples)


class TestRepeatedEvaluation:
    def test_the_strategy_is_told_the_mean(self, tmp_path):
        told = []

        class Spy(GridSearch):
            def tell(self, trial):
                super().tell(trial)
                told.append((trial.state, trial.number, dict(trial.metrics)))

        values = iter([1.0, 2.0, 6.0, 0.0, 5.0, 10.0])
        ran = experiment(tmp_path, lambda sample: next(values), Chain(Spy(), RepeatedEvaluation(3)), max_trials=6)
        ran.run(progress=False)
        assert [trial.sample["y"] for trial in ran.trials] == [0, 0, 0, 1, 1, 1]
        assert len({trial.seed for trial in ran.trials}) == 6
        assert told == [("completed", 0, {"default": 3.0}), ("completed", 3, {"default": 5.0})]

    def test_failures_are_left_out_of_the_mean(self, tmp_path):
        told = []

        class Spy(GridSearch):
            def tell(self, trial):
                super().tell(trial)
                told.append((trial.state, dict(trial.metrics)))

        def fails_at_first(sample, calls=[]):  # noqa: B006
            calls.append(sample)
            if len(calls) != 2:
                raise ValueError(f"call {len(calls)}")
            return 4.0

        ran = experiment(tmp_path, fails_at_first, Chain(Spy(), RepeatedEvaluation(2)), max_trials=4)
        ran.run(progress=False)
        assert [entry for entry in told if entry[0] != "waiting"] == [("completed", {"default": 4.0}), ("failed", {})]

    @pytest.mark.parametrize("capacity", [1, 3])
    def test_goes_on_in_the_middle_of_the_repeats(self, capacity):
        first = FirstSamples([{"x": 9, "y": value} for value in range(2)])

        def chain():
            return deduplicated(Chain(RegularizedEvolution(4, 2), RepeatedEvaluation(3), first))

        for steps in range(1, 25):
            search = SimulatedSearch(bound(chain()), capacity=capacity).run(steps)
            resumed = search.resumed(chain())
            assert resumed.run(8).proposed == search.run(8).proposed

    def test_a_sample_from_outside_is_not_run_more_often(self):
        chain = Chain(GridSearch(), RepeatedEvaluation(2), FirstSamples([{"x": 0, "y": value} for value in (3, 1, 2)]))
        proposed = SimulatedSearch(bound(deduplicated(chain)), capacity=3).run(300).proposed
        assert len(proposed) == 200

    def test_the_largest_numbers_have_a_mean(self, tmp_path):
        ran = experiment(tmp_path, lambda sample: 1.7e308, Chain(Random(), RepeatedEvaluation(2)), max_trials=4)
        ran.run(progress=False)
        assert ran.best.metric == 1.7e308

    @pytest.mark.parametrize("times", [1, 0, 2.0])
    def test_once_is_not_repeated(self, times):
        with pytest.raises(ExperimentError, match="give an integer from 2"):
            RepeatedEvaluation(times)


class TestGiveUp:
    @pytest.mark.filterwarnings("ignore:some of the trials:UserWarning")
    def test_ends_after_failures_in_a_row(self, tmp_path):
        def broken_from_the_fifth(sample, calls=[]):  # noqa: B006
            calls.append(sample)
            if len(calls) > 4:
                raise OSError("no space left on device")
            return 1.0

        ran = experiment(tmp_path, broken_from_the_fifth, Chain(Random(), GiveUp(failures=3)))
        ran.run(progress=False)
        assert len(ran.trials) == 7
        assert "gave up, because the last 3 trials failed" in ran.ending

        again = experiment(tmp_path, lambda sample: 1.0, Chain(Random(), GiveUp(failures=3)))
        again.run(progress=False)
        assert len(again.trials) == 12, "a search that gave up goes on when it is run again"

    def test_a_success_between_starts_the_count_anew(self):
        strategy = bound(Chain(Random(), GiveUp(failures=2)))
        for number, fails in enumerate([True, False, True, False, True, True]):
            trial = Trial(number, strategy.ask()).running()
            strategy.tell(trial.failed("Traceback: x") if fails else trial.completed({"score": 1.0}))
        assert strategy.ask() is None

    @pytest.mark.parametrize("failures", [0, -1, 1.5])
    def test_the_number_is_positive(self, failures):
        with pytest.raises(ExperimentError, match="give an integer from 1"):
            GiveUp(failures)


class TestScalarized:
    OBJECTIVES: ClassVar = {"accuracy": "maximize", "flops": "minimize"}

    @pytest.mark.parametrize(
        "score",
        [
            {"accuracy": 1.0, "flops": -0.5},
            lambda metrics: metrics["accuracy"] - metrics["flops"] / 2,
        ],
    )
    def test_evolution_goes_for_the_sum(self, score):
        strategy = bound(Chain(RegularizedEvolution(10, 5), Scalarized(score)), objectives=self.OBJECTIVES)
        told = []
        for number in range(60):
            sample = strategy.ask()
            told.append(sample)
            metrics = {"accuracy": float(sample["x"]), "flops": float(sample["y"])}
            strategy.tell(Trial(number, sample).running().completed(metrics))
        assert max(sample["x"] - sample["y"] / 2 for sample in told) >= 8
        assert sum(sample["x"] for sample in told[40:]) > 1.2 * sum(sample["y"] for sample in told[40:])

    def test_without_it_strategies_with_one_objective_say_so(self):
        with pytest.raises(ExperimentError, match="RegularizedEvolution optimises one objective, and there"):
            bound(RegularizedEvolution(), objectives=self.OBJECTIVES)

    def test_weights_are_for_the_objectives(self):
        with pytest.raises(ExperimentError, match=r"weighs \['speed'\], and the objectives are \['acc"):
            bound(Chain(Random(), Scalarized({"speed": 1.0})), objectives=self.OBJECTIVES)

    @pytest.mark.parametrize("score", [{"accuracy": 1.0, "sise": -1.0}, lambda metrics: metrics["sise"]])
    def test_a_metric_that_is_not_there_is_named(self, score):
        strategy = bound(Chain(Random(), Scalarized(score)), objectives=self.OBJECTIVES)
        strategy.tell(Trial(0, strategy.ask()).running().failed("Traceback: x"))
        with pytest.raises(ExperimentError, match=r"trial 1, whose metrics are .*'flops': 2.0.*KeyError: 'sise'"):
            strategy.tell(Trial(1, strategy.ask()).running().completed({"accuracy": 1.0, "flops": 2.0}))

    def test_the_number_has_to_be_finite(self):
        strategy = bound(Chain(Random(), Scalarized(lambda metrics: float("nan"))), objectives=self.OBJECTIVES)
        with pytest.raises(ExperimentError, match="Scalarized made nan of the metrics"):
            strategy.tell(Trial(0, strategy.ask()).running().completed({"accuracy": 1.0, "flops": 2.0}))


class NotBound(Random):
    def bind(self, domain, objectives, seed):
        self.mine = seed


class GivesLists(Random):
    def ask(self):
        return [1, 2]


class TestDeduplication:
    def test_a_forgotten_call_is_named(self):
        with pytest.raises(
            ExperimentError, match=r"NotBound.bind has not called super\(\).bind\(domain, objectives, seed\)"
        ):
            bound(deduplicated(NotBound()))

    def test_what_is_no_sample_is_named(self):
        with pytest.raises(ExperimentError, match=r"GivesLists.ask gave \[1, 2\]; give a sample"):
            bound(deduplicated(GivesLists())).ask()

    def test_a_grid_with_many_samples_of_one_model_comes_to_its_end(self):
        domain = Domain([Categorical("a", tuple(range(60))), Categorical("dead", tuple(range(200)))])
        strategy = bound(deduplicated(GridSearch(), lambda sample: sample["a"]), domain)
        assert len(SimulatedSearch(strategy).run(100).proposed) == 60

    def test_local_search_climbs_past_what_was_turned_away(self):
        labels = [Categorical(f"c{number}", tuple(range(4))) for number in range(12)]
        strategy = deduplicated(LocalSearch(), lambda sample: tuple([*sample.values()][1:]))
        bound(strategy, Domain([Categorical("dead", (0, 1, 2)), *labels]))
        best = 0
        for number in range(200):
            trial = Trial(number, strategy.ask())
            strategy.tell(trial)
            score = [*trial.sample.values()][1:].count(3)
            strategy.tell(trial.running().completed({"score": float(score)}))
            best = max(best, score)
        assert best == 12

    @pytest.mark.parametrize("make", [LocalSearch, lambda: NSGA2(5), lambda: RegularizedEvolution(5, 3), TPE])
    def test_what_is_rare_is_found_to_the_last(self, make):
        digits = [Categorical(f"d{number}", tuple(range(10))) for number in range(6)]
        total = Symbol("d0") + Symbol("d1") + Symbol("d2") + Symbol("d3")
        domain = Domain(digits, constraints=[Requirement(total <= 0)])
        proposed = SimulatedSearch(bound(deduplicated(make()), domain)).run(15).proposed
        assert len(proposed) == 15

    def test_keeps_to_the_innermost_strategy_of_a_chain(self):
        chain = deduplicated(Chain(Random(), GiveUp(3)))
        assert [type(layer) for layer in chain.middleware] == [Deduplication, GiveUp]
        assert deduplicated(chain) is chain

    def test_samples_with_one_key_are_tried_once(self):
        strategy = bound(deduplicated(Random(), lambda sample: sample["x"]))
        assert sorted(sample["x"] for sample in SimulatedSearch(strategy).run(100).proposed) == list(range(10))

    @pytest.mark.parametrize("name", ["flat", "conditional", "constrained", "subsets", "two", "rare"])
    def test_a_strategy_that_is_stuck_is_helped_out(self, name):
        class Stuck(Random):
            repeats = True

            def bind(self, domain, objectives, seed):
                super().bind(domain, objectives, seed)
                self.same = domain.default()

            def ask(self):
                return self.same

        domain = DOMAINS[name]
        proposed = SimulatedSearch(bound(deduplicated(Stuck()), domain)).run(int(domain.size) + 1).proposed
        assert len(proposed) == domain.size
