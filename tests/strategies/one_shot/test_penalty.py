from __future__ import annotations

import itertools
import math
import pickle

import numpy as np
import pytest
import torch

from retiarii import ModelSpace, nn
from retiarii.errors import ExperimentError, ProfileError
from retiarii.hub import MobileNetV3
from retiarii.profiler import Flops, Latency, LatencyTable, Parameters
from retiarii.strategies import Penalty
from retiarii.strategies.one_shot.architecture import Architecture
from retiarii.strategies.one_shot.ways import Ways

SHAPE = (1, 3, 4, 4)


class Net(ModelSpace):
    def __init__(self, widths=(2, 4)):
        super().__init__()
        width = nn.ValueChoice(list(widths), label="width")
        self.op = nn.LayerChoice({"wide": nn.Conv2d(3, width * 2, 3), "narrow": nn.Conv2d(3, width * 2, 1)}, label="op")
        self.pick = nn.InputChoice(n_candidates=2, n_chosen=None, label="pick")
        self.last = nn.Conv2d(width * 2, 1, nn.ValueChoice([1, 2], label="kernel"))

    def forward(self, x):
        x = self.op(x)
        picked = self.pick([self.last(x), self.last(x * 2)])
        return x.sum() if picked is None else picked.sum()


def architecture(space, seed=0):
    torch.manual_seed(seed)
    made = Architecture(space.domain).double()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter)
    return made


def ways(made):
    return {label: Ways(made.values[label], made.probabilities(label)) for label in made.labels}


def listed(space, cost, distribution):
    """The average by listing all samples."""
    total = torch.zeros((), dtype=torch.float64)
    for values in itertools.product(*[enumerate(distribution[label].values) for label in space.domain.labels]):
        chosen = dict(zip(space.domain.labels, values, strict=True))
        share = math.prod([distribution[label].weights[place] for label, (place, _) in chosen.items()])
        total = total + share * cost(space.domain.canonical({label: value for label, (_, value) in chosen.items()}))
    return total


class TestAverage:
    def test_value_and_gradients_are_those_of_the_sum_over_all_samples(self):
        space = Net()
        for cost in (Flops(space, SHAPE), Parameters(space)):
            penalty, made = Penalty(cost, target=100), architecture(space)
            found, expected = penalty.average(ways(made)), listed(space, cost, ways(made))
            parameters = list(made.parameters())
            slopes = torch.autograd.grad(found, parameters, allow_unused=True, materialize_grads=True)
            right = torch.autograd.grad(expected, parameters, allow_unused=True, materialize_grads=True)
            torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
            torch.testing.assert_close(slopes, right, rtol=1e-9, atol=1e-9)

    def test_gradients_are_finite_differences(self):
        space = MobileNetV3.small()
        penalty, made = Penalty(Flops(space), target=1e6), architecture(space)
        labels = [*penalty.cost.expectation().values]

        def loss(*logits):
            likely = {
                label: Ways(made.values[label], number.softmax(0)) for label, number in zip(labels, logits, strict=True)
            }
            return penalty.average(likely) / 1e6

        logits = [made.logits(label).detach().requires_grad_() for label in labels]
        assert torch.autograd.gradcheck(loss, logits, eps=1e-5, atol=1e-7, rtol=1e-5)

    def test_of_what_is_certain_it_is_the_cost(self):
        space = MobileNetV3.small()
        flops = Flops(space)
        penalty = Penalty(flops, target=1e6)
        rng = np.random.default_rng(0)
        for _ in range(5):
            sample = space.domain.random(rng)
            paths = {label: Ways.path(sample.get(label, each.default)) for label, each in space.domain.choices.items()}
            assert penalty.average(paths).item() == flops(sample)

    def test_values_may_be_some_in_any_order(self):
        space = Net()
        cost = Flops(space, SHAPE)
        penalty = Penalty(cost, target=1)
        even = torch.full((2,), 0.5)
        rest = {"op": Ways.path("wide"), "pick": Ways.path([1]), "kernel": Ways.path(2)}
        first = penalty.average({"width": Ways((2, 4), even.mul(torch.tensor([0.5, 1.5]))), **rest})
        second = penalty.average({"width": Ways((4, 2), even.mul(torch.tensor([1.5, 0.5]))), **rest})
        assert first == second
        sample = {"op": "wide", "pick": [1], "kernel": 2}
        assert first.item() == 0.25 * cost({**sample, "width": 2}) + 0.75 * cost({**sample, "width": 4})

    def test_a_pickled_penalty_keeps_its_average(self):
        space = Net()
        penalty, likely = Penalty(Flops(space, SHAPE), target=100), ways(architecture(space))
        penalty.check(space, is_average=True)
        again = pickle.loads(pickle.dumps(penalty))  # noqa: S301
        assert again.average(likely) == penalty.average(likely)
        assert again.reward(1.0, space.default()) == penalty.reward(1.0, space.default())


class TestLoss:
    @pytest.mark.parametrize(
        ("kind", "weight", "expected"),
        [
            ("linear", 0.1, lambda ratio: 2 + 0.1 * ratio),
            ("power", 0.6, lambda ratio: 2 * ratio**0.6),
            ("hinge", 3, lambda ratio: 2 + 3 * max(0, ratio - 1)),
        ],
    )
    @pytest.mark.parametrize("target", [100.0, 1e6])
    def test_formulas(self, kind, weight, expected, target):
        space = Net()
        penalty, likely = Penalty(Flops(space, SHAPE), target, weight, kind), ways(architecture(space))
        found = penalty.loss(torch.tensor(2.0), likely)
        assert found.dtype == torch.float32
        assert found.item() == pytest.approx(expected(penalty.average(likely).item() / target))

    def test_a_hinge_has_no_slope_below_the_target(self):
        space = Net()
        made = architecture(space)
        Penalty(Flops(space, SHAPE), target=1e9, kind="hinge").loss(torch.tensor(2.0), ways(made)).backward()
        assert all(parameter.grad is None or not parameter.grad.any() for parameter in made.parameters())

    @pytest.mark.parametrize("kind", ["linear", "power", "hinge"])
    def test_descent_leads_to_the_cheapest_model(self, kind):
        space = Net()
        flops = Flops(space, SHAPE)
        penalty, made = Penalty(flops, target=float(flops.bounds().lower), weight=1, kind=kind), architecture(space)
        optimizer = torch.optim.Adam(made.parameters(), 0.1)
        for _ in range(100):
            optimizer.zero_grad()
            penalty.loss(torch.ones(()), ways(made)).backward()
            optimizer.step()
        assert flops(next(made.most_likely())) == flops.bounds().lower


class TestReward:
    @pytest.mark.parametrize(
        ("kind", "weight", "expected"),
        [
            ("linear", 0.1, lambda ratio: 0.9 - 0.1 * ratio),
            ("power", 0.07, lambda ratio: 0.9 * ratio**-0.07),
            ("hinge", 3, lambda ratio: 0.9 - 3 * max(0, ratio - 1)),
        ],
    )
    @pytest.mark.parametrize("target", [100.0, 1e6])
    def test_formulas(self, kind, weight, expected, target):
        space = Net()
        flops = Flops(space, SHAPE)
        sample = space.default()
        found = Penalty(flops, target, weight, kind).reward(0.9, sample)
        assert found == pytest.approx(expected(flops(sample) / target))

    @pytest.mark.parametrize("kind", ["linear", "power", "hinge"])
    @pytest.mark.parametrize("reward", [0.5, -0.5])
    def test_what_costs_more_is_worth_less(self, kind, reward):
        space = Net()
        penalty = Penalty(Flops(space, SHAPE), target=10, kind=kind)
        samples = sorted(space.domain.grid(), key=penalty.cost)
        assert penalty.reward(reward, samples[-1]) < penalty.reward(reward, samples[0])

    def test_any_cost_of_samples_will_do(self):
        space = Net()
        penalty = Penalty(Latency(space, SHAPE, warmup=0, repeats=1), target=1e-3)
        penalty.check(space, is_average=False)
        assert penalty.reward(1.0, space.default()) < 1

    def test_a_reward_is_not_divided_by_nothing(self):
        space = Net()

        class Free:
            name = "price"

            def __call__(self, samples):
                return np.zeros(len(samples))

        assert Penalty(Free(), target=1).reward(1.0, space.default()) == 1
        with pytest.raises(ExperimentError, match=r"the price of .* is 0.0, .* give the penalty the kind 'linear'"):
            Penalty(Free(), target=1, kind="power").reward(1.0, space.default())


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"target": 0}, "target=0"),
            ({"target": -3e8}, "target=-300000000.0"),
            ({"target": math.nan}, "target=nan"),
            ({"target": 1, "weight": 0}, "weight=0"),
            ({"target": 1, "kind": "log"}, "kind='log'.*give one of linear, power, hinge"),
        ],
    )
    def test_arguments(self, arguments, message):
        with pytest.raises(ExperimentError, match=message):
            Penalty(Flops(Net(), SHAPE), **arguments)

    @pytest.mark.parametrize("cost", [Flops, 3.0, "flops", lambda samples: samples])
    def test_what_is_no_cost(self, cost):
        with pytest.raises(ExperimentError, match="give a cost model, such as Flops"):
            Penalty(cost, target=1)

    def test_the_cost_of_another_space(self):
        penalty = Penalty(Flops(Net((2, 8)), SHAPE), target=1)
        with pytest.raises(ExperimentError, match=r"flops is a cost of Net .*they differ in 'width'"):
            penalty.check(Net(), is_average=True)

    @pytest.mark.parametrize("is_average", [True, False])
    def test_no_inputs(self, is_average):
        space = Net()
        with pytest.raises(ProfileError, match="does not say what its models are called with"):
            Penalty(Flops(space), target=1).check(space, is_average=is_average)

    def test_what_is_no_sum_over_parts(self):
        space = Net()
        penalty = Penalty(Latency(space, SHAPE, warmup=0, repeats=1), target=1)
        with pytest.raises(ExperimentError, match=r"known of whole models only.*LatencyTable.measure"):
            penalty.check(space, is_average=True)

    def test_a_table_that_lacks_operators(self):
        space = Net()
        table = LatencyTable(space, SHAPE)
        table.cover([space.default()], warmup=0, repeats=1)
        penalty = Penalty(table, target=1)
        penalty.check(space, is_average=False)
        with pytest.raises(ProfileError, match=r"lacks \d+ operators of all samples"):
            penalty.check(space, is_average=True)

    def test_probabilities_that_are_missing_or_of_nothing(self):
        space = Net()
        penalty, likely = Penalty(Flops(space, SHAPE), target=1), ways(architecture(space))
        with pytest.raises(ExperimentError, match="'width', for which there are no probabilities"):
            penalty.average({label: each for label, each in likely.items() if label != "width"})
        with pytest.raises(ExperimentError, match="'width' = 3 has a probability"):
            penalty.average({**likely, "width": Ways.path(3)})
