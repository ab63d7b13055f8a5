"""Gumbel noise: its distribution, the softmax with it, and how its temperature falls."""

from __future__ import annotations

import one_shot_steps as steps
import pytest
import torch

from retiarii import ExperimentError
from retiarii.domain import Categorical, Domain, Subset
from retiarii.strategies import FBNet, GumbelDARTS
from retiarii.strategies.one_shot.architecture import Architecture
from retiarii.strategies.one_shot.gumbel import gumbel_like
from retiarii.strategies.one_shot.gumbel_darts import gumbel_softmax
from retiarii.strategies.one_shot.temperature import Exponential, Linear

DRAWS = 4000
CRITICAL = {2: 13.8, 3: 16.3, 7: 24.3}
"""Chi-square is larger in one of a thousand cases, by degrees of freedom."""


def chi_square(counts, probabilities):
    expected = probabilities * counts.sum()
    return float(((counts - expected) ** 2 / expected).sum())


@pytest.mark.parametrize("choice", [Categorical("label", tuple("abc")), Subset("label", 3)])
def test_the_largest_of_logits_with_noise_is_drawn_by_its_probability(choice):
    architecture = Architecture(Domain([choice]))
    architecture.number("label").data = torch.tensor([0.5, -1.0, 0.2])
    logits = architecture.logits("label").detach()
    random = torch.Generator().manual_seed(0)
    drawn = [gumbel_softmax(logits, gumbel_like(logits, random), 0.7, hard=True).argmax() for _ in range(DRAWS)]
    counts = torch.stack(drawn).bincount(minlength=len(logits))
    assert chi_square(counts, architecture.probabilities("label").detach()) < CRITICAL[len(logits) - 1]


def test_noise_has_the_moments_of_the_gumbel_distribution():
    noise = gumbel_like(torch.zeros(40_000, dtype=torch.double), torch.Generator().manual_seed(0))
    assert noise.mean().item() == pytest.approx(0.5772, abs=0.03)
    assert noise.var().item() == pytest.approx(1.6449, rel=0.05)


def test_a_hard_softmax_takes_one_and_has_the_gradient_of_the_soft_one():
    logits = torch.tensor([0.1, 0.4, -0.2], dtype=torch.double, requires_grad=True)
    noise = torch.tensor([0.3, -0.5, 0.9], dtype=torch.double)
    factors = torch.tensor([1.0, 2.0, 5.0], dtype=torch.double)
    hard, soft = (gumbel_softmax(logits, noise, 2.0, hard=hard) for hard in (True, False))
    torch.testing.assert_close(hard, torch.tensor([0.0, 0.0, 1.0], dtype=torch.double))
    assert torch.equal(soft, ((logits + noise) / 2.0).softmax(0))
    (of_hard,) = torch.autograd.grad(hard @ factors, logits)
    (of_soft,) = torch.autograd.grad(soft @ factors, logits, retain_graph=True)
    jacobian = (torch.diag(soft) - torch.outer(soft, soft)) / 2.0
    torch.testing.assert_close(of_hard, of_soft)
    torch.testing.assert_close(of_soft, jacobian @ factors)


@pytest.mark.parametrize("hard", [False, True])
def test_a_step_weighs_candidates_by_the_softmax_with_noise(hard):
    module = steps.attached(GumbelDARTS(temperature=Exponential(2.0, 0.5), hard=hard), steps.Single)
    module.trainer.fit_loop.max_epochs = 4
    x, y = steps.pair().architecture
    loss = module.architecture_loss((x, y), 0)
    logits, space = module.architecture.logits("operator"), module.supernet.space
    weights = gumbel_softmax(logits, gumbel_like(logits, module.random(0, 0)), 2.0, hard=hard)
    mixed = sum(weight * space.operator[name](x) for weight, name in zip(weights, "abc", strict=True))
    expected = torch.nn.functional.mse_loss(space.head(torch.tanh(mixed)), y)
    torch.testing.assert_close(loss, expected)
    found, wanted = (torch.autograd.grad(value, logits)[0] for value in (loss, expected))
    torch.testing.assert_close(found, wanted)


def test_noise_differs_from_step_to_step_and_is_the_same_for_the_same_step():
    module = steps.attached(GumbelDARTS(), steps.Single)
    module.trainer.fit_loop.max_epochs = 4
    first, again, other, weights = (module.weigh(*where) for where in [(0, 0), (0, 0), (1, 0), (0, 1)])
    assert torch.equal(first["operator"].weights, again["operator"].weights)
    assert not torch.equal(first["operator"].weights, other["operator"].weights)
    assert not torch.equal(first["operator"].weights, weights["operator"].weights)


def test_temperatures_fall_as_in_the_papers():
    assert [FBNet().temperature(epoch, 90) for epoch in (0, 1, 2)] == [5.0, 5.0 * 0.956, 5.0 * 0.956**2]
    assert [Linear(10.0, 0.1)(epoch, 4) for epoch in range(4)] == pytest.approx([10.0, 6.7, 3.4, 0.1])
    assert Linear(10.0, 0.1)(0, 1) == 10.0


@pytest.mark.parametrize("make", [lambda: Linear(1.0, 0.0), lambda: Exponential(-1.0, 0.5)])
def test_a_temperature_stays_above_zero(make):
    with pytest.raises(ExperimentError, match="give numbers above 0"):
        make()


def test_a_schedule_of_ones_own_must_stay_above_zero(tmp_path):
    strategy = GumbelDARTS(temperature=lambda epoch, epochs: 1.0 - epoch)
    with pytest.raises(ExperimentError, match=r"the temperature in epoch 1 is 0\.0"):
        steps.trained(strategy, tmp_path)


def test_a_temperature_needs_to_know_when_training_ends(tmp_path):
    with pytest.raises(ExperimentError, match="give max_epochs or max_steps"):
        steps.trained(GumbelDARTS(), tmp_path, epochs=-1, max_time="00:00:01:00")
