"""What an evaluator leaves open is searched together with the space."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from retiarii import Evaluator, Experiment, ExperimentError, ModelSpace, SampleError, nn
from retiarii.domain import Categorical, Domain, Limit, Numeric, Predicate, Requirement, Symbol
from retiarii.evaluators import FunctionalEvaluator
from retiarii.experiment.joint import Joint
from retiarii.profiler import Parameters
from retiarii.strategies import GridSearch, Random
from retiarii.testing import DOMAINS, SampleSpace

FLAT = DOMAINS["flat"]
FIRST = {"width": 16, "kernel": 3}


def joint(domain=FLAT, **arguments):
    return Joint(SampleSpace(domain), FunctionalEvaluator(float, argument="sample", **arguments))


def added(made):
    return [choice for label, choice in made.domain.choices.items() if label not in made.space.domain.choices]


def test_nothing_changes_where_nothing_is_open():
    made = joint(lr=0.1, layers=[1, 2])
    assert made.domain is FLAT
    assert made.part(FIRST) is FIRST
    assert made.rest(FIRST) == {}
    assert made.decided(FIRST) == {}


def test_choices_follow_those_of_the_space():
    made = joint(lr=nn.ValueChoice([0.1, 0.01], label="rate"), momentum=nn.ValueChoice.uniform(0, 1, label="momentum"))
    assert made.domain.labels == ("width", "kernel", "rate", "momentum")
    assert added(made) == [Categorical("rate", (0.1, 0.01)), Numeric("momentum", 0.0, 1.0)]
    sample = {**FIRST, "rate": 0.01, "momentum": 0.5}
    assert made.part(sample) == FIRST
    assert made.rest(sample) == {"rate": 0.01, "momentum": 0.5}
    assert made.decided(sample) == {"lr": 0.01, "momentum": 0.5}
    decided = made.evaluator.decided(made.decided(sample))
    assert decided.arguments == {"lr": 0.01, "momentum": 0.5}
    assert repr(made.evaluator.arguments["lr"]) == "rate", "the evaluator itself stays as it is"


def test_a_choice_without_a_label_is_called_after_its_argument():
    made = joint(
        lr=nn.ValueChoice.loguniform(1e-4, 1e-1), width=nn.ValueChoice([1, 2]), betas=[nn.ValueChoice([1, 2])] * 2
    )
    assert made.domain.labels == ("width", "kernel", "lr", "width_1", "betas")
    sample = {**FIRST, "lr": 0.001, "width_1": 2, "betas": 1}
    assert made.decided(sample) == {"lr": 0.001, "width": 2, "betas": [1, 1]}
    assert made.part(sample) == FIRST


def test_one_choice_serves_several_searches():
    rate = nn.ValueChoice([0.1, 0.01])
    evaluator = FunctionalEvaluator(float, argument="sample", lr=rate)
    first = Joint(SampleSpace(Domain([Categorical("lr", (1, 2))])), evaluator)
    second = Joint(SampleSpace(FLAT), evaluator)
    assert (first.domain.labels, second.domain.labels) == (("lr", "lr_1"), ("width", "kernel", "lr"))
    assert first.decided({"lr": 1, "lr_1": 0.01}) == {"lr": 0.01}
    assert second.decided({**FIRST, "lr": 0.1}) == {"lr": 0.1}


def test_labels_that_were_given_come_first():
    made = joint(a=nn.ValueChoice([1, 2]), b=nn.ValueChoice([3, 4], label="a"))
    assert {label: made.domain.choices[label].candidates for label in ("a", "a_1")} == {"a": (3, 4), "a_1": (1, 2)}


def test_choices_stand_anywhere_in_the_arguments():
    rate = nn.ValueChoice([0.1, 0.2], label="rate")
    made = joint(
        optimiser=("adam", {"lr": rate, "betas": [0.9, nn.ValueChoice([0.99, 0.999], label="beta")]}), twice=rate * 2
    )
    assert made.domain.labels == ("width", "kernel", "rate", "beta")
    decided = made.decided({**FIRST, "rate": 0.2, "beta": 0.99})
    assert decided == {"optimiser": ("adam", {"lr": 0.2, "betas": [0.9, 0.99]}), "twice": 0.4}


def test_an_equal_choice_of_the_space_is_shared():
    made = joint(hidden=nn.ValueChoice([16, 32, 64], label="width") * 2)
    assert made.domain is FLAT
    assert made.part(FIRST) == FIRST
    assert made.rest(FIRST) == {"width": 16}
    assert made.decided(FIRST) == {"hidden": 32}
    assert joint(hidden=Symbol("width") + 1).decided(FIRST) == {"hidden": 17}


class Shared(ModelSpace):
    example_inputs = (torch.zeros(2, 4),)

    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(4, width)

    def forward(self, x):
        return self.layer(x)


def test_a_choice_of_the_space_without_a_label_is_shared_as_itself():
    width = nn.ValueChoice([1, 2])
    made = Joint(Shared(width), FunctionalEvaluator(float, hidden=width))
    assert made.domain.labels == ("layer.out_features",)
    assert made.decided({"layer.out_features": 2}) == {"hidden": 2}


def test_different_choices_of_one_label_are_refused():
    said = (
        r"evaluator's 'hidden' has the choice .*'width'.*\(16, 32\).*, and the space has .*\(16, 32, 64\).*: give one"
    )
    with pytest.raises(ExperimentError, match=said):
        joint(hidden=nn.ValueChoice([16, 32], label="width"))
    with pytest.raises(ExperimentError, match=r"'b' has .*\(1, 3\).*, and the evaluator has .*\(1, 2\)"):
        joint(a=nn.ValueChoice([1, 2], label="x"), b=nn.ValueChoice([1, 3], label="x"))


def test_a_label_that_not_every_model_has_is_refused():
    with pytest.raises(ExperimentError, match="'a' depends on 'layer3', which not every model of the space has"):
        joint(DOMAINS["conditional"], a=nn.ValueChoice(["conv", "pool"], label="layer3"))


def test_a_label_that_is_nowhere_is_refused():
    with pytest.raises(ExperimentError, match="'a' depends on 'depth', which is no choice of the space"):
        joint(a=Symbol("depth") * 2)


def test_an_experiment_refuses_at_once(tmp_path):
    evaluator = FunctionalEvaluator(float, hidden=nn.ValueChoice([1], label="width"))
    with pytest.raises(ExperimentError, match="give one of them another label"):
        Experiment(SampleSpace(FLAT), evaluator, Random(), directory=tmp_path)


def is_small(sample):
    seen.append(sample)
    return sample["width"] < 64


seen = []


class Width:
    name = "width"

    def __call__(self, samples):
        seen.extend(samples)
        return np.array([sample["width"] for sample in samples])


def test_constraints_see_what_is_decided_of_the_space_alone():
    rules = [Requirement(Symbol("kernel") < 5), Predicate(is_small), Limit(Width(), upper=40)]
    made = joint(FLAT.constrained(*rules), lr=nn.ValueChoice([0.1, 0.2]))
    seen.clear()
    assert [*made.domain.grid()] == [{"width": w, "kernel": 3, "lr": lr} for w in (16, 32) for lr in (0.1, 0.2)]
    assert made.domain.size == 4
    assert seen
    assert all(sample.keys() == FIRST.keys() for sample in seen)
    with pytest.raises(SampleError, match="breaks the constraint width <= 40: width is 64"):
        made.domain.unconstrained.constrained(made.domain.constraints[2]).validate(
            {"width": 64, "kernel": 3, "lr": 0.1}
        )
    assert [rule.description for rule in made.domain.constraints] == [rule.description for rule in rules]
    assert [*made.domain.constraints[2].distances([{"width": 64, "kernel": 3, "lr": 0.1}])] == [24.0]


class Ridge(Evaluator):
    """An evaluator of one's own, which knows nothing of choices."""

    argument = "sample"

    def __init__(self, strength, folds=3):
        self.strength = strength
        self.folds = folds

    def evaluate(self, model):
        return model["width"] * self.strength


def test_any_evaluator_may_leave_its_attributes_open(tmp_path):
    evaluator = Ridge(nn.ValueChoice([1, -1]))
    search = Experiment(SampleSpace(FLAT), evaluator, GridSearch(), directory=tmp_path)
    search.run(progress=False)
    assert len(search.trials) == 12
    assert search.best.sample == {"width": 64, "kernel": 3, "strength": 1}
    assert search.best.metric == 64.0


def scored(sample, lr, scale):
    got.append((sample, lr, scale))
    return sample["width"] * lr


got = []


def search_of(tmp_path, **options):
    arguments = {"lr": nn.ValueChoice([1, 2], label="lr"), "scale": 3, **options.pop("arguments", {})}
    evaluator = FunctionalEvaluator(scored, argument="sample", **arguments)
    return Experiment(
        SampleSpace(FLAT), evaluator, GridSearch(), directory=tmp_path, name="one", costs=Width(), seed=0, **options
    )


def test_a_search_decides_both(tmp_path):
    got.clear()
    seen.clear()
    search = search_of(tmp_path)
    search.run(progress=False)
    assert len(search.trials) == 12
    assert got[:2] == [(FIRST, 1, 3), (FIRST, 2, 3)]
    assert [trial.sample["lr"] for trial in search.trials[:2]] == [1, 2]
    assert search.best.sample == {"width": 64, "kernel": 3, "lr": 2}
    assert search.best.metrics == {"default": 128.0, "width": 64.0}
    assert all(sample.keys() == FIRST.keys() for sample in seen), "costs are those of the space"
    assert search.export_top_models(1, format="graph") == [{"width": 64, "kernel": 3}]
    assert search.export_top_models(1, format="module") == [{"width": 64, "kernel": 3}]
    assert search.export_top_models(1, format="sample") == [{"width": 64, "kernel": 3}]
    assert search.top(1)[0].sample["lr"] == 2, "what was searched of the evaluator is in the whole sample"


def test_a_search_goes_on_with_the_same_choices_only(tmp_path):
    search_of(tmp_path, max_trials=3).run(progress=False)
    with pytest.raises(ExperimentError, match=r"choice 'lr': was .*\[1, 2\].*, is .*\[1, 3\]"):
        search_of(tmp_path, arguments={"lr": nn.ValueChoice([1, 3], label="lr")}).run(progress=False)
    with pytest.raises(ExperimentError, match=r"choice 'lr': was .*, is \"absent\""):
        search_of(tmp_path, arguments={"lr": 1}).run(progress=False)
    again = search_of(tmp_path)
    again.run(progress=False)
    assert len(again.trials) == 12


class Net(ModelSpace):
    example_inputs = (torch.zeros(2, 4),)

    def __init__(self):
        super().__init__()
        width = nn.ValueChoice([2, 4, 8, 16], label="width")
        self.first = nn.Linear(4, width)
        self.act = nn.LayerChoice([nn.ReLU(), nn.ReLU(), nn.Tanh()], label="act")
        self.last = nn.Linear(width, 1)

    def forward(self, x):
        return self.last(self.act(self.first(x)))


def fit(model, lr, steps):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    inputs = torch.rand(32, 4)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = (model(inputs) - inputs.sum(1, keepdim=True)).square().mean()
        loss.backward()
        optimiser.step()
    return loss


def test_learning_rates_are_searched_with_networks_within_a_limit(tmp_path):
    space = Net()
    parameters = Parameters(space)
    space.constrain(parameters <= 60)
    search = Experiment(
        space,
        FunctionalEvaluator(
            fit, lr=nn.ValueChoice.loguniform(1e-4, 1e-1), steps=nn.ValueChoice([2, 4], label="width2")
        ),
        Random(),
        objectives={"loss": "minimize"},
        costs=parameters,
        directory=tmp_path,
        max_trials=12,
        seed=0,
    )
    search.run(progress=False)
    assert {trial.state for trial in search.trials} == {"completed"}
    assert all(trial.metrics["parameters"] <= 60 for trial in search.trials)
    assert all([*trial.sample] == ["width", "act", "lr", "width2"] for trial in search.trials)
    (code,) = search.export_top_models(1)
    assert "class Model(nn.Module)" in code
    assert "retiarii" not in code
