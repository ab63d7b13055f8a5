from __future__ import annotations

import numpy as np
import pytest
import torch

from retiarii import Experiment, ModelSpace, nn
from retiarii.errors import ExperimentError
from retiarii.evaluators import FunctionalEvaluator
from retiarii.execution import SequentialEngine
from retiarii.profiler import Flops, Parameters
from retiarii.strategies import GridSearch
from retiarii.testing import DOMAINS, SampleSpace


class Net(ModelSpace):
    def __init__(self):
        super().__init__()
        width = nn.ValueChoice([1, 2, 4], label="width")
        self.first, self.last = nn.Linear(3, width), nn.Linear(width, 1)

    def forward(self, x):
        return self.last(self.first(x))


def accuracy(model):
    return {"accuracy": -float(model.first.out_features)}


def search(folder, space, evaluate=accuracy, **arguments):
    return Experiment(space, FunctionalEvaluator(evaluate), GridSearch(), directory=folder, name="search", **arguments)


def test_costs_join_the_metrics_of_each_trial(tmp_path):
    space = Net()
    costs = [Flops(space, (1, 3)), Parameters(space, (1, 3))]
    experiment = search(tmp_path, space, costs=costs, objectives={"accuracy": "maximize", "flops": "minimize"})
    experiment.run(progress=False)
    assert [dict(trial.metrics) for trial in experiment.trials] == [
        {"accuracy": -width, "flops": 2 * 4 * width, "parameters": 5 * width + 1} for width in (1, 2, 4)
    ]
    assert [*experiment.trials[0].metrics][:2] == ["accuracy", "flops"]
    assert Experiment.load(tmp_path, "search").trials == experiment.trials


class Wide(Net):
    """With one more choice."""

    def __init__(self):
        super().__init__()
        self.depth = nn.ValueChoice([1, 2], label="depth")


def test_one_cost_needs_no_list(tmp_path):
    space = Net()
    search(tmp_path, space, costs=Parameters(space, (1, 3)), max_trials=1).run(progress=False)
    (trial,) = Experiment.load(tmp_path, "search").trials
    assert trial.metrics == {"default": -1.0, "accuracy": -1.0, "parameters": 6}


def test_costs_of_another_space_are_refused(tmp_path):
    with pytest.raises(ExperimentError, match=r"cost of Wide \(2 choices\), not of Net \(1 choice\): .* has 'depth'"):
        search(tmp_path, Net(), costs=[Parameters(Wide(), (1, 3))])
    assert search(tmp_path, Net(), costs=[Parameters(Net(), (1, 3))]).costs


def test_a_missing_objective_is_told_with_the_costs(tmp_path):
    space = Net()
    objectives = {"accuracy": "maximize", "param": "minimize"}
    experiment = search(tmp_path, space, costs=[Parameters(space, (1, 3))], objectives=objectives)
    with pytest.raises(ExperimentError, match="the evaluator returned 'accuracy', and the costs are 'parameters'"):
        experiment.run(progress=False)


def test_a_cost_may_be_the_only_objective(tmp_path):
    space = Net()
    experiment = search(
        tmp_path, space, lambda model: 0.5, costs=[Parameters(space, (1, 3))], objectives={"parameters": "minimize"}
    )
    experiment.run(progress=False)
    assert experiment.best.sample == {"width": 1}
    assert {trial.metrics["parameters"] for trial in experiment.trials} == {6, 11, 21}


def test_a_search_goes_on_with_its_costs(tmp_path):
    space = Net()
    arguments = {"costs": [Flops(space, (1, 3))], "objectives": {"flops": "minimize"}}
    search(tmp_path, space, max_trials=1, **arguments).run(progress=False)
    again = search(tmp_path, space, **arguments)
    again.run(progress=False)
    assert [trial.metrics["flops"] for trial in again.trials] == [8, 16, 32]


def test_a_metric_of_the_name_of_a_cost_is_refused(tmp_path):
    space = Net()
    experiment = search(
        tmp_path, space, lambda model: {"flops": 1.0}, costs=[Flops(space, (1, 3))], objectives={"flops": "minimize"}
    )
    with pytest.raises(ExperimentError, match="metric 'flops' for trial 0, which is the name of a cost"):
        experiment.run(progress=False)


@pytest.mark.parametrize("costs", [["flops"], [Flops], [Flops(Net(), (1, 3)), Flops(Net(), (2, 3))]])
def test_costs_that_are_none(tmp_path, costs):
    with pytest.raises(ExperimentError, match="cost"):
        search(tmp_path, Net(), costs=costs)


def test_a_cost_that_is_no_number(tmp_path):
    class Endless(Flops):
        def all(self, samples):
            return super().all(samples) * float("inf")

    space = Net()
    experiment = search(tmp_path, space, costs=[Endless(space, (1, 3))])
    with pytest.raises(ExperimentError, match=r"same error.*ProfileError: the cost 'flops' is inf; it must be"):
        experiment.run(progress=False)


class Picky:
    """The cost of a sample of the flat domain, which some do not have."""

    name = "steps"

    def __init__(self, bad):
        self.bad = bad

    def __call__(self, samples):
        (sample,) = samples
        if sample["width"] in self.bad:
            raise ValueError(f"no steps for width {sample['width'] if len(self.bad) == 1 else 'any'}")
        return np.array([sample["width"] * 2])


class Listening(GridSearch):
    """Writes down what it is told."""

    def __init__(self):
        super().__init__()
        self.told = []

    def tell(self, trial):
        super().tell(trial)
        self.told.append((trial.number, trial.state))


class Three(SequentialEngine):
    @property
    def room(self):
        return 3 * super().room


def flat(folder, bad=(), strategy=None, **options):
    arguments = {"factor": 1, **options.pop("arguments", {})}
    return Experiment(
        SampleSpace(DOMAINS["flat"]),
        FunctionalEvaluator(lambda sample, factor: sample["width"] * factor, argument="sample", **arguments),
        strategy or GridSearch(),
        directory=folder,
        name="search",
        seed=0,
        **({"costs": Picky(bad)} | options),
    )


@pytest.mark.parametrize("engine", [SequentialEngine, Three])
def test_a_sample_without_a_cost_is_a_failed_trial(tmp_path, engine):
    strategy = Listening()
    experiment = flat(tmp_path, {32}, strategy, engine=engine())
    experiment.run(progress=False)
    assert [trial.state for trial in experiment.trials] == ["completed"] * 2 + ["failed"] * 2 + ["completed"] * 2
    failed = experiment.trials[2]
    assert failed.error.startswith("Traceback (most recent call last):")
    assert failed.error.endswith("ValueError: no steps for width 32\n")
    assert (failed.metrics, failed.duration) == ({}, 0.0)
    assert sorted(strategy.told) == sorted(
        [(trial.number, state) for trial in experiment.trials for state in ("waiting", trial.state)]
    )
    assert Experiment.load(tmp_path, "search").trials == experiment.trials
    again = flat(tmp_path, {32})
    again.run(progress=False)
    assert again.trials == experiment.trials


@pytest.mark.parametrize("engine", [SequentialEngine, Three])
def test_a_cost_that_the_first_samples_lack_alike_stops_the_search(tmp_path, engine):
    with pytest.raises(ExperimentError, match=r"first 3 trials failed with the same .*: ValueError: no steps for") as e:
        flat(tmp_path, {16, 32}, engine=engine()).run(progress=False)
    assert isinstance(e.value.__cause__, ValueError)
    assert [trial.state for trial in Experiment.load(tmp_path, "search").trials] == ["failed"] * 3
    mended = flat(tmp_path)
    mended.run(progress=False)
    assert [trial.state for trial in mended.trials] == ["failed"] * 3 + ["completed"] * 3


def test_a_trial_that_was_cut_off_may_fail_when_it_is_run_again(tmp_path):
    class Broken(SequentialEngine):
        def advance(self, listen, timeout):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        flat(tmp_path, engine=Broken()).run(progress=False)
    experiment = flat(tmp_path, {16})
    experiment.run(progress=False)
    assert [trial.state for trial in experiment.trials] == ["failed"] * 2 + ["completed"] * 4


def test_an_expression_that_cannot_be_computed_is_a_failed_trial(tmp_path):
    share = 12 / nn.ValueChoice([2, 0, 3], label="parts")
    experiment = flat(tmp_path, arguments={"factor": share}, max_trials=5)
    experiment.run(progress=False)
    assert [trial.state for trial in experiment.trials] == ["completed", "failed", "completed", "completed", "failed"]
    assert "the evaluator's 'factor': cannot compute 12 / parts with parts = 0" in experiment.trials[1].error


class Deep(ModelSpace):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, nn.ValueChoice([4, 8], label="width"))
        self.second = nn.LayerChoice([nn.Linear(4, 4), nn.Tanh()], label="second")

    def forward(self, x):
        return self.second(self.first(x))


def test_a_network_that_cannot_be_made_fails_with_its_cost_as_without(tmp_path):
    space = Deep()
    for name, costs in (("with", [Parameters(space, (1, 4)), Flops(space, (1, 4))]), ("without", [])):
        evaluator = FunctionalEvaluator(lambda model: model(torch.zeros(1, 4)).sum().item())
        experiment = Experiment(space, evaluator, GridSearch(), directory=tmp_path, name=name, costs=costs)
        experiment.run(progress=False)
        assert [trial.state for trial in experiment.trials] == ["completed", "completed", "failed", "completed"]
