"""Proxyless: the update of two candidates, the others' probabilities, and the memory of one path."""

from __future__ import annotations

import one_shot_steps as steps
import pytest
import torch

from retiarii import ModelSpace, nn
from retiarii.profiler import Parameters
from retiarii.strategies import Penalty, Proxyless
from retiarii.strategies.one_shot.paths import drawn, two


def gradients_of(module, batch, index=0):
    """What a step of the architecture follows."""
    given = []
    module.step = given.extend
    module.train_architecture(batch, index)
    del module.step
    return dict(zip(module.architecture.labels, given, strict=True))


@pytest.mark.parametrize("index", range(4))
def test_the_gradient_is_that_of_the_paper_for_the_two_candidates(index):
    module = steps.attached(Proxyless(), steps.Single)
    pair = steps.pair()
    x, y = pair.architecture
    places = list(drawn(module.architecture, module.random(index, 0), two).labels["operator"].places)
    space = module.supernet.space
    gates = torch.tensor([1.0, 0.0], dtype=torch.double, requires_grad=True)
    mixed = sum(gate * space.operator["abc"[place]](x) for gate, place in zip(gates, places, strict=True))
    (slopes,) = torch.autograd.grad(torch.nn.functional.mse_loss(space.head(torch.tanh(mixed)), y), gates)
    p = module.architecture.number("operator").detach()[places].softmax(0)
    expected = torch.zeros(3, dtype=torch.double)
    for i in range(2):
        expected[places[i]] = sum(slopes[j] * p[j] * (float(i == j) - p[i]) for j in range(2))
    torch.testing.assert_close(gradients_of(module, pair, index)["operator"], expected)


def test_the_probabilities_of_the_others_stay_as_they_are():
    module = steps.attached(Proxyless(architecture_learning_rate=0.1), steps.Single)
    pair = steps.pair()
    for index in range(10):
        before = module.architecture.probabilities("operator").detach()
        places = drawn(module.architecture, module.random(index, 0), two).labels["operator"].places
        module.train_architecture(pair, index)
        after = module.architecture.probabilities("operator").detach()
        (other,) = set(range(3)) - set(places)
        torch.testing.assert_close(after[other], before[other])
        assert (after - before)[list(places)].abs().min() > 1e-4


def test_inputs_of_which_several_are_chosen_share_their_numbers():
    module = steps.attached(Proxyless())
    pair = steps.pair()
    found = gradients_of(module, pair)["pick"]
    path = drawn(module.architecture, module.random(0, 0), two)
    values = [module.architecture.values["pick"][place] for place in path.labels["pick"].places]
    slopes = [slope_of(module, path.sample, values[0], value, pair.architecture) for value in values]
    logits = torch.stack([module.architecture.number("pick").detach()[list(value)].sum() for value in values])
    p = logits.softmax(0)
    of_logits = [p[i] * (slopes[i] - (p[0] * slopes[0] + p[1] * slopes[1])) for i in range(2)]
    expected = torch.zeros(3, dtype=torch.double)
    for value, slope in zip(values, of_logits, strict=True):
        expected[list(value)] += slope
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-9)


def slope_of(module, sample, taken, value, batch, step=1e-6):
    """How the loss changes with the share of some inputs' sum that is added to those which are taken."""
    space, width = module.supernet.space, sample["width"]
    hidden = space.operator[sample["operator"]](batch[0])
    inputs = torch.stack([hidden.sin(), hidden.square(), hidden.abs()])
    sides = []
    for move in (step, -step):
        total = hidden + inputs[list(taken)].sum(0) + move * inputs[list(value)].sum(0)
        inner = torch.nn.functional.linear(total, space.inner.weight[:width], space.inner.bias[:width])
        output = torch.nn.functional.linear(inner.tanh(), space.head.weight[:, :width], space.head.bias)
        sides.append(torch.nn.functional.mse_loss(output, batch[1]))
    return ((sides[0] - sides[1]) / (2 * step)).detach()


def test_a_penalty_reaches_the_two_candidates_alone():
    plain, space = steps.attached(Proxyless(), steps.Single), steps.Single()
    space.operator["c"].bias.requires_grad_(False)
    penalty = Penalty(Parameters(space), target=1.0, weight=3.0)
    penalty.check(space, is_average=True)
    module = steps.attached(Proxyless(penalty=penalty), steps.Single)
    places = list(drawn(module.architecture, module.random(0, 0), two).labels["operator"].places)
    pair = steps.pair()
    numbers = module.architecture.number("operator")
    (slope,) = torch.autograd.grad(3.0 * penalty.average(module.distribution()), numbers)
    expected = gradients_of(plain, pair)["operator"]
    expected[places] += slope[places]
    torch.testing.assert_close(gradients_of(module, pair)["operator"], expected)


class Blocks(ModelSpace):
    """Two choices of blocks as they are in networks for images."""

    def __init__(self):
        super().__init__()
        self.first, self.second = (nn.LayerChoice(self.blocks(), label=label) for label in ("first", "second"))

    def blocks(self):
        return [
            nn.Sequential(
                nn.Conv2d(4, 4 * grow, 1),
                nn.BatchNorm2d(4 * grow),
                nn.ReLU(),
                nn.Conv2d(4 * grow, 4 * grow, 3, padding=1, groups=4 * grow),
                nn.BatchNorm2d(4 * grow),
                nn.ReLU(),
                nn.Conv2d(4 * grow, 4, 1),
                nn.BatchNorm2d(4),
            )
            for grow in (3, 3, 3, 3)
        ]

    def forward(self, x):
        return (x + self.second(x + self.first(x))).mean((1, 2, 3))[:, None]


def test_a_step_keeps_hardly_more_for_its_gradients_than_one_path():
    module = steps.attached(Proxyless(), Blocks)
    x = torch.randn(4, 4, 8, 8, dtype=torch.double)
    batch = (x, torch.randn(4, 1, dtype=torch.double))

    def saved(run):
        kept = {}
        parameters = {parameter.untyped_storage().data_ptr() for parameter in module.parameters()}

        def pack(tensor):
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in parameters:
                kept[storage.data_ptr()] = storage.nbytes(), tensor
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            loss = run()
        loss.backward()
        return sum(size for size, _ in kept.values())

    model = module.supernet.space.freeze({"first": 0, "second": 0}, inherit_weights=True).train()
    one = saved(lambda: torch.nn.functional.mse_loss(model(x), batch[1]))
    both = saved(lambda: module.architecture_loss(batch, 0))
    assert both <= 1.3 * one
