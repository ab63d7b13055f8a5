"""Where an evaluator may leave something open, and what is said where it may not."""

from __future__ import annotations

from argparse import Namespace
from collections import UserDict, deque
from dataclasses import InitVar, dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from retiarii import Evaluator, Experiment, ExperimentError, ModelSpace, SampleError, nn
from retiarii.domain import Requirement
from retiarii.evaluators import FunctionalEvaluator
from retiarii.experiment.joint import Joint
from retiarii.strategies import GridSearch
from retiarii.testing import DOMAINS, SampleSpace

FLAT = DOMAINS["flat"]
FIRST = {"width": 16, "kernel": 3}


@dataclass(frozen=True)
class Rate:
    lr: Any
    name: str = "sgd"


@dataclass
class Plan:
    rate: Rate
    steps: list[Any] = field(default_factory=list)
    doubled: Any = field(init=False)

    def __post_init__(self):
        self.doubled = self.rate.lr * 2


@dataclass
class Halved:
    lr: Any
    unit: InitVar[float] = 0.5


def joint(function=float, /, **arguments):
    return Joint(SampleSpace(FLAT), FunctionalEvaluator(function, argument="sample", **arguments))


def rate():
    return nn.ValueChoice([0.1, 0.2], label="rate")


def test_dataclasses_are_searched():
    plain, plan = Rate(3), Plan(Rate(rate()), [1, {"beta": nn.ValueChoice([0.9, 0.99])}])
    made = joint(plan=(plan, plain), halved=Halved(rate()))
    assert made.domain.labels == ("width", "kernel", "rate", "plan")
    values = made.decided({**FIRST, "rate": 0.2, "plan": 0.99})
    decided = made.evaluator.decided(values).arguments
    expected = Plan(Rate(0.2), [1, {"beta": 0.99}])
    assert decided["plan"] == (expected, plain)
    assert decided["plan"][0].doubled == 0.4
    assert decided["halved"] == Halved(0.2)
    assert decided["plan"][1] is plain
    assert repr(plan.rate.lr) == "rate", "the evaluator's own stays as it is"


def test_a_search_decides_dataclasses(tmp_path):
    def train(sample, config):
        return sample["width"] * config.lr

    evaluator = FunctionalEvaluator(train, argument="sample", config=Rate(rate()))
    search = Experiment(SampleSpace(FLAT), evaluator, GridSearch(), directory=tmp_path)
    search.run(progress=False)
    assert len(search.trials) == 12
    assert search.best.sample == {"width": 64, "kernel": 3, "rate": 0.2}


class Settings(UserDict):
    pass


@pytest.mark.parametrize(
    ("holder", "kind"),
    [
        (lambda choice: Namespace(lr=choice), "Namespace"),
        (lambda choice: [SimpleNamespace(lr={"a": choice * 2})], "SimpleNamespace"),
        (lambda choice: {choice, 1}, "set"),
        (lambda choice: Rate(frozenset([choice])), "frozenset"),
        (lambda choice: deque([(choice,)]), "deque"),
        (lambda choice: Settings(lr=choice), "Settings"),
        (lambda choice: partial(print, lr=choice), "partial"),
        (lambda choice: partial(print, {1: partial(max, choice)}), "partial"),
        (lambda choice: SimpleNamespace(inner=Namespace(rate=Rate(choice))), "SimpleNamespace"),
    ],
)
def test_a_choice_in_what_is_not_searched_is_refused(tmp_path, holder, kind):
    said = f"the evaluator's 'given' has the choice 'rate' in a {kind}, where it is not searched: give it as an"
    with pytest.raises(ExperimentError, match=said):
        joint(given=holder(rate()))
    evaluator = FunctionalEvaluator(float, given=holder(nn.ValueChoice([1, 2])))
    with pytest.raises(ExperimentError, match=f"'given' has a choice without a label in a {kind}"):
        Experiment(SampleSpace(FLAT), evaluator, GridSearch(), directory=tmp_path)


def test_the_same_without_a_choice_is_fine():
    around = SimpleNamespace(lr=1)
    around.itself = around
    assert joint(a=Namespace(lr=1), b={1, 2}, c=partial(max, 1), d=around, e=torch.nn.Linear(1, 1)).domain is FLAT


class Plain:
    def __init__(self, lr):
        self.given = {"lr": lr}


def test_a_choice_in_an_attribute_is_refused():
    with pytest.raises(
        ExperimentError, match="'given' has the choice 'rate' in an attribute of Plain, where it is not"
    ):
        joint(given=[Plain(rate())])
    assert joint(given=Plain(1)).domain is FLAT


def test_a_function_with_open_arguments_is_refused():
    with pytest.raises(ExperimentError, match="the evaluator's 'function' has the choice 'rate' in a partial, where"):
        joint(partial(max, rate()))
    assert joint(partial(max, 3), other=rate()).domain.labels == ("width", "kernel", "rate")


class Held(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rate = rate()


class Shaped(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.token = nn.ShapedParameter((nn.ValueChoice([1, 2], label="rate"),))


@pytest.mark.parametrize(
    ("module", "kind"),
    [
        (lambda: nn.LayerChoice([nn.MSELoss(), nn.L1Loss()], label="rate"), "LayerChoice"),
        (lambda: nn.Dropout(rate()), "Dropout"),
        (lambda: nn.Sequential(nn.ReLU(), nn.Dropout(rate())), "Sequential"),
        (Held, "Held"),
        (Shaped, "Shaped"),
    ],
)
def test_a_module_with_choices_is_refused(module, kind):
    said = (
        f"the evaluator's 'loss' is a {kind} with the choice 'rate', but modules are searched in the space only: "
        r"give loss=nn.ValueChoice\("
    )
    with pytest.raises(ExperimentError, match=said):
        joint(loss=module())
    with pytest.raises(ExperimentError, match="'loss' has the choice 'rate' in a SimpleNamespace"):
        joint(loss=SimpleNamespace(loss=module()))
    with pytest.raises(ExperimentError, match="a choice without a label, but modules"):
        joint(loss=nn.LayerChoice([nn.MSELoss(), nn.L1Loss()]))


class Net(ModelSpace):
    def __init__(self):
        super().__init__()
        self.act = nn.LayerChoice([nn.ReLU(), nn.Tanh()], label="act")

    def forward(self, x):
        return self.act(x)


def test_spaces_and_what_is_made_of_one_may_be_arguments():
    space = Net()
    for module in (space, Net(), torch.nn.Sequential(space)):
        made = Joint(space, FunctionalEvaluator(float, argument="sample", other=module))
        assert made.domain.labels == ("act",)
    assert joint(rule=Requirement(rate() < 1)).domain is FLAT


class Opaque(Evaluator):
    argument = "sample"

    def __init__(self, lr, temperature):
        self.lr = lr
        self.held = SimpleNamespace(temperature=temperature)

    def searchable(self):
        return {"temperature": self.held.temperature}

    def decided(self, values):
        return Opaque(self.lr, **values)

    def evaluate(self, model):
        return self.held.temperature


def test_an_evaluator_says_itself_what_is_searched():
    made = Joint(SampleSpace(FLAT), Opaque(0.1, nn.ValueChoice([1, 2])))
    assert made.evaluator.decided(made.decided({**FIRST, "temperature": 2})).evaluate({}) == 2
    with pytest.raises(ExperimentError, match="'lr' has the choice 'rate', but its `searchable` does not give that"):
        Joint(SampleSpace(FLAT), Opaque(rate(), 1))


def test_an_expression_that_cannot_be_computed_is_named_with_its_argument():
    made = joint(share=Rate(1 / nn.ValueChoice([1, 0], label="parts")))
    with pytest.raises(SampleError, match="the evaluator's 'share': cannot compute 1 / parts with parts = 0"):
        made.decided({**FIRST, "parts": 0})
