from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from generated_spaces import images, spaces
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from retiarii import ModelSpace, Mutator, nn
from retiarii.domain.value import frozen
from retiarii.errors import ProfileError
from retiarii.hub import DARTS, AutoFormer, MobileNetV3, NASBench101, NASBench201, ProxylessNAS
from retiarii.profiler import ActivationMemory, Flops, LatencyTable, Macs, Parameters


def drawn(space, rng):
    """Probabilities for all values of all labels."""
    found = {}
    for label, choice in space.domain.choices.items():
        values = [frozen(value) for value in choice.values()]
        found[label] = dict(zip(values, rng.dirichlet(np.ones(len(values))), strict=True))
    return found


def given_to(expectation, probabilities):
    return {label: [probabilities[label][value] for value in values] for label, values in expectation.values.items()}


def weighed(space, cost, probabilities):
    """The average by listing all samples."""
    samples = list(space.domain.unconstrained.grid())
    shares = [math.prod(probabilities[label][frozen(value)] for label, value in sample.items()) for sample in samples]
    assert math.fsum(shares) == pytest.approx(1)
    return math.fsum(np.array(shares) * cost(samples))


class Net(ModelSpace):
    """A choice of each kind, some within others, some shared, some joined by expressions."""

    def __init__(self):
        super().__init__()
        width = nn.ValueChoice([2, 4, 6], label="width")
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.ops = nn.LayerChoice(
            {
                "conv": nn.Conv2d(width, width, nn.ValueChoice([1, 3], label="kernel"), padding="same"),
                "skip": nn.Identity(),
                "deep": nn.Repeat(lambda index: nn.Conv2d(width, width, 1, bias=index == 0), (0, 2), label="depth"),
            },
            label="op",
        )
        self.again = nn.LayerChoice([nn.Conv2d(width, width, 1), nn.Identity(), nn.ReLU()], label="second")
        self.pick = nn.InputChoice(n_candidates=3, n_chosen=None, reduction="sum", label="pick")
        self.cell = nn.Cell(
            [nn.Conv2d(4, 4, 1), nn.Identity()], num_nodes=2, num_ops_per_node=1, merge_op="loose_end", label="cell"
        )
        self.fit = nn.Conv2d(width, 4, 1)
        self.head = nn.Linear(4 * self.cell.num_outputs, nn.ValueChoice.max(width, 3) // 2 + 1)

    def forward(self, x):
        x = self.stem(x)
        y = self.ops(x)
        chosen = self.pick([x, y, self.again(y)])
        x = x if chosen is None else chosen
        return self.head(self.cell([self.fit(x)]).mean((2, 3)))


class Looking(ModelSpace):
    """A forward that looks at choices, one of which is not always there."""

    def __init__(self):
        super().__init__()
        self.width = nn.ValueChoice([1, 2, 3], label="width")
        self.layers = nn.LayerChoice([Inner(), nn.Linear(4, 4)], label="layer")
        self.last = nn.Linear(4, self.width)

    def forward(self, x):
        if self.width > 1:
            x = self.layers(x)
        return self.last(x)


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.twice = nn.ValueChoice([True, False], label="twice")
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        x = self.layer(x)
        return self.layer(x) if self.twice else x


COSTS = (Flops, Macs, Parameters, ActivationMemory)


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize(("kind", "inputs"), [(Net, (2, 3, 5, 5)), (Looking, (2, 4))])
def test_it_is_the_average_over_all_samples(kind, inputs, cost):
    space = kind()
    costs = cost(space, inputs)
    expectation = costs.expectation()
    for seed in range(3):
        probabilities = drawn(space, np.random.default_rng(seed))
        found = expectation(given_to(expectation, probabilities))
        assert found == pytest.approx(weighed(space, costs, probabilities), rel=1e-12)


@settings(max_examples=40)
@given(spaces(), st.integers(0, 9))
def test_it_is_the_average_in_random_spaces(space, seed):
    assume(space.domain.unconstrained.size <= 200)
    probabilities = drawn(space, np.random.default_rng(seed))
    for cost in (Flops(space, images()), Parameters(space, images()), ActivationMemory(space, images())):
        expectation = cost.expectation()
        found = expectation(given_to(expectation, probabilities))
        assert found == pytest.approx(weighed(space, cost, probabilities), rel=1e-9)


@pytest.mark.parametrize("kind", [MobileNetV3, ProxylessNAS, NASBench201, AutoFormer])
@pytest.mark.parametrize("cost", [Flops, Parameters])
def test_of_what_is_certain_it_is_the_cost(kind, cost):
    space = kind.small()
    assert_certain(space, cost(space))


def assert_certain(space, cost):
    expectation = cost.expectation()
    rng = np.random.default_rng(0)
    for _ in range(5):
        sample = space.domain.random(rng)
        full = {label: sample.get(label, choice.default) for label, choice in space.domain.choices.items()}
        certain = {
            label: [float(value == frozen(full[label])) for value in values]
            for label, values in expectation.values.items()
        }
        assert expectation(certain) == cost(sample)


@pytest.mark.parametrize(("kind", "most"), [(MobileNetV3, 20_000), (partial(DARTS, num_cells=6), 15_000)])
def test_in_large_spaces_it_is_what_samples_come_to_and_stays_small(kind, most):
    space = kind()
    cost = Flops(space)
    expectation = cost.expectation()
    assert sum(layer.numbers.size for layer in expectation.layers) < most
    assert_certain(space, cost)
    even = {label: np.full(len(values), 1 / len(values)) for label, values in expectation.values.items()}
    rng = np.random.default_rng(0)
    costs = cost([space.domain.random(rng) for _ in range(500)])
    assert abs(expectation(even) - costs.mean()) < 4 * costs.std() / math.sqrt(len(costs))


def test_labels_that_make_no_difference_are_left_out():
    space = Net()
    assert "kernel" in Flops(space, (1, 3, 5, 5)).expectation().values
    assert "second" in Parameters(space).expectation().values

    class Dropping(ModelSpace):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 4)
            self.dropout = nn.Dropout(nn.ValueChoice.uniform(0.0, 0.5, label="rate"))

        def forward(self, x):
            return self.dropout(self.layer(x))

    expectation = Flops(Dropping(), (1, 3)).expectation()
    assert not expectation.values
    assert expectation({}) == 24


class TestLatency:
    def test_it_is_the_average_over_all_samples(self):
        space = Looking()
        table = LatencyTable.measure(space, (2, 4), samples=None, warmup=0, repeats=1)
        expectation = table.expectation()
        probabilities = drawn(space, np.random.default_rng(0))
        found = expectation(given_to(expectation, probabilities))
        assert found == pytest.approx(weighed(space, table, probabilities), rel=1e-9)

    def test_what_is_not_measured_is_named(self):
        space = Net()
        table = LatencyTable.measure(space, (2, 3, 5, 5), samples=1, warmup=0, repeats=1)
        with pytest.raises(ProfileError, match=r"lacks \d+ operators of all samples: .* with table.cover\(\)"):
            table.expectation()
        assert table.cover(warmup=0, repeats=1) > 0
        assert table.cover(warmup=0, repeats=1) == 0
        table.expectation()


class TestErrors:
    def test_no_inputs(self):
        with pytest.raises(ProfileError, match="does not say what its models are called with"):
            Flops(Net()).expectation()

    def test_no_end_of_values(self):
        class Growing(ModelSpace):
            def __init__(self):
                super().__init__()
                ratio = nn.ValueChoice.uniform(1.0, 2.0, label="ratio")
                self.layer = nn.Linear(3, nn.ValueChoice.to_int(8 * ratio))

            def forward(self, x):
                return self.layer(x)

        with pytest.raises(ProfileError, match="'ratio' has inf values"):
            Flops(Growing(), (1, 3)).expectation()

    def test_values_that_give_no_model_together(self):
        class Matching(ModelSpace):
            def __init__(self):
                super().__init__()
                self.out = nn.ValueChoice([2, 3], label="out")
                self.into = nn.ValueChoice([2, 3], label="in")
                self.first, self.second = nn.Linear(4, self.out), nn.Linear(self.into, 4)
                self.constrain(self.out == self.into)

            def forward(self, x):
                return self.second(self.first(x))

        space = Matching()
        with pytest.raises(ProfileError, match="some values of 'out', 'in' give no model together"):
            Flops(space, (1, 4)).expectation()
        assert Parameters(space).expectation()({"out": [1, 0], "in": [1, 0]}) == 10 + 12

    def test_too_irregular_a_cost(self):
        with pytest.raises(ProfileError, match=r"depends on 'cell/num_nodes', .* in too irregular a way"):
            Flops(NASBench101()).expectation()

    def test_mutators(self):
        class Kernel(Mutator):
            def mutate(self, graph):
                for node in graph.find(op=torch.nn.Conv2d):
                    node.update(kernel_size=self.choice([1, 3]), padding="same")

        space = ModelSpace.from_module(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.ReLU()), [Kernel()])
        with pytest.raises(ProfileError, match="has mutators"):
            Parameters(space).expectation()
