"""DARTS: mixtures as by hand, and gradients of first and second order as by exact differentiation."""

from __future__ import annotations

import one_shot_steps as steps
import pytest
import torch
from torch.func import functional_call

from retiarii.profiler import Parameters
from retiarii.strategies import DARTS, Penalty


def numeric(module, batch, step=1e-6):
    """The gradient of the architecture's loss by finite differences."""
    found = []
    for number in module.architecture.parameters():
        gradient = torch.zeros_like(number)
        for place in range(len(number)):
            sides = []
            for move in (step, -step):
                number.data[place] += move
                sides.append(module.architecture_loss(batch, 0).item())
                number.data[place] -= move
            gradient[place] = (sides[0] - sides[1]) / (2 * step)
        found.append(gradient)
    return found


def test_a_mixture_is_the_sum_of_the_candidates_weighed_by_their_probabilities():
    module = steps.attached(DARTS(), steps.Single)
    (x, y), _ = steps.pair()
    space, weights = module.supernet.space, module.architecture.number("operator").softmax(0)
    mixed = sum(weight * space.operator[name](x) for weight, name in zip(weights, "abc", strict=True))
    expected = torch.nn.functional.mse_loss(space.head(torch.tanh(mixed)), y)
    assert torch.equal(module.architecture_loss((x, y), 0), expected)
    (expected_gradient,) = torch.autograd.grad(expected, module.architecture.number("operator"))
    (gradient,) = module.gradients(module.architecture_loss((x, y), 0), list(module.architecture.parameters()))
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-12, atol=0)


def test_first_order_gradients_are_those_of_finite_differences():
    module = steps.attached(DARTS())
    batch = steps.pair().architecture
    gradients = module.gradients(module.architecture_loss(batch, 0), list(module.architecture.parameters()))
    for gradient, expected in zip(gradients, numeric(module, batch), strict=True):
        torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-9)
        assert gradient.abs().max() > 1e-4


def test_a_penalty_adds_the_gradient_of_the_expected_cost():
    space = steps.Net()
    penalty = Penalty(Parameters(space), target=10.0, weight=0.5)
    penalty.check(space, is_average=True)
    module = steps.attached(DARTS(penalty=penalty), lambda: space)
    batch = steps.pair().architecture
    with_penalty = module.architecture_loss(batch, 0)
    cost = penalty.average(module.distribution())
    probable = [(sample, likelihood(module, sample)) for sample in space.domain.grid()]
    assert cost.item() == pytest.approx(sum(p * Parameters(space)([sample])[0].item() for sample, p in probable))
    plain = module.task.loss(batch)
    assert with_penalty.item() == pytest.approx(plain.item() + 0.5 * cost.item() / 10)
    gradients = module.gradients(module.architecture_loss(batch, 0), list(module.architecture.parameters()))
    for gradient, expected in zip(gradients, numeric(module, batch), strict=True):
        torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-8)


def likelihood(module, sample):
    """The probability of a sample whose labels are independent."""
    product = 1.0
    for label, value in sample.items():
        place = module.architecture.values[label].index(tuple(value) if isinstance(value, list) else value)
        product *= module.architecture.probabilities(label)[place].item()
    return product


def exact(module, pair, *, rate, momentum, decay, nesterov, dampening):
    """The gradient through a step of SGD, by differentiating that step."""
    space = module.supernet.space
    weights = dict(space.named_parameters())
    numbers = list(module.architecture.parameters())
    module.supernet.decide(module.distribution())
    loss = torch.nn.functional.mse_loss(functional_call(space, weights, pair.weights[0]), pair.weights[1])
    slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
    moved = {}
    for (name, weight), slope in zip(weights.items(), slopes, strict=True):
        known = module.trainer.optimizers[0].state[weight].get("momentum_buffer")
        direction = slope + decay * weight
        buffer = direction if known is None else momentum * known + (1 - dampening) * direction
        moved[name] = weight - rate * (direction + momentum * buffer if nesterov else buffer)
    loss = torch.nn.functional.mse_loss(functional_call(space, moved, pair.architecture[0]), pair.architecture[1])
    return torch.autograd.grad(loss, numbers)


@pytest.mark.parametrize(("nesterov", "dampening"), [(False, 0.0), (True, 0.0), (False, 0.3)])
@pytest.mark.parametrize("is_first", [True, False])
def test_second_order_gradients_are_those_through_a_step_of_sgd(nesterov, dampening, is_first):
    module = steps.attached(DARTS(second_order=True), nesterov=nesterov, dampening=dampening)
    pair = steps.pair()
    if not is_first:
        module.supernet.decide(module.distribution())
        module.task.loss(pair.weights).backward()
        module.trainer.optimizers[0].step()
    before = {name: value.clone() for name, value in module.supernet.space.state_dict().items()}
    numbers = list(module.architecture.parameters())
    given = {}
    module.step = lambda gradients: given.update(enumerate(gradients))
    module.train_architecture(pair, 0)
    settings = {"rate": 0.1, "momentum": 0.9, "decay": 0.01, "nesterov": nesterov, "dampening": dampening}
    expected = exact(module, pair, **settings)
    first = module.gradients(module.architecture_loss(pair.architecture, 0), numbers)
    for place, gradient in enumerate(expected):
        torch.testing.assert_close(given[place], gradient, rtol=1e-3, atol=1e-6)
        assert (first[place] - gradient).abs().max() > 100 * (given[place] - gradient).abs().max()
    after = module.supernet.space.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
