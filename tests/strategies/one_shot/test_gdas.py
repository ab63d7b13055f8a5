"""GDAS: drawn paths, their gates, and what these expect."""

from __future__ import annotations

import math

import one_shot_steps as steps
import pytest
import torch

from retiarii import ModelSpace, SpaceError, nn
from retiarii.strategies import DARTS, GDAS, Proxyless
from retiarii.strategies.one_shot.architecture import Architecture
from retiarii.strategies.one_shot.gdas import gate
from retiarii.strategies.one_shot.paths import drawn, likely, one, two
from retiarii.strategies.one_shot.temperature import Linear


class Nested(ModelSpace):
    """The second choice is of account only if the first takes it."""

    def __init__(self):
        super().__init__()
        inner = nn.LayerChoice({name: nn.Linear(3, 3) for name in "ab"}, label="inner")
        self.outer = nn.LayerChoice({"plain": nn.Linear(3, 3), "deep": inner}, label="outer")
        self.width = nn.Linear(3, nn.ValueChoice([1, 2, 3], label="width"))

    def forward(self, x):
        return self.width(self.outer(x)).sum(1, keepdim=True)


def allowed(sample):
    return not (sample["outer"] == "plain" and sample["width"] == 3)


def test_the_path_that_is_drawn_has_gates_of_one_and_the_loss_of_its_model():
    module = steps.attached(GDAS(), steps.Single)
    module.trainer.fit_loop.max_epochs = 5
    x, y = steps.pair().architecture
    loss = module.architecture_loss((x, y), 0)
    path = drawn(module.architecture, module.random(0, 0))
    model = module.supernet.space.freeze(path.sample, inherit_weights=True)
    torch.testing.assert_close(loss, torch.nn.functional.mse_loss(model(x), y))


def test_the_gradient_of_a_gate_is_that_of_its_candidates_weight():
    module = steps.attached(GDAS(temperature=Linear(3.0, 1.0)), steps.Single)
    module.trainer.fit_loop.max_epochs = 5
    x, y = steps.pair().architecture
    numbers = module.architecture.number("operator")
    (gradient,) = module.gradients(module.architecture_loss((x, y), 0), [numbers])
    made = drawn(module.architecture, module.random(0, 0)).labels["operator"]
    space, place = module.supernet.space, made.places[0]
    scale = torch.ones((), dtype=torch.double, requires_grad=True)
    loss = torch.nn.functional.mse_loss(space.head(torch.tanh(scale * space.operator["abc"[place]](x))), y)
    (slope,) = torch.autograd.grad(loss, scale)
    soft = ((numbers + made.noise) / 3.0).softmax(0).detach()
    expected = slope * soft[place] * (torch.eye(3, dtype=torch.double)[place] - soft) / 3.0
    torch.testing.assert_close(gradient, expected)


def test_gates_expect_what_integration_over_the_noise_gives():
    number, temperature, slopes = 0.4, 0.7, (2.0, -1.0)
    logits = torch.tensor([number, 0.0], dtype=torch.double, requires_grad=True)
    random, total, draws = torch.Generator().manual_seed(0), 0.0, 3000
    for _ in range(draws):
        made = one(logits.detach(), random)
        total = total + slopes[made.places[0]] * gate(logits, made.noise, temperature, made.places[0])[0]
    (mean,) = torch.autograd.grad(total / draws, logits)
    assert mean[0].item() == pytest.approx(integral(number, temperature, slopes), abs=0.03)
    assert mean.sum().item() == pytest.approx(0, abs=1e-9)


def integral(number, temperature, slopes):
    """The derivative by the first of two numbers: the difference of two Gumbel numbers is logistic."""
    total, width = 0.0, 0.001
    for place in range(-20_000, 20_000):
        noise = place * width
        density = math.exp(-abs(noise)) / (1 + math.exp(-abs(noise))) ** 2
        soft = 1 / (1 + math.exp(-(number + noise) / temperature))
        slope = slopes[0] if number + noise > 0 else -slopes[1]
        total += width * density * slope * soft * (1 - soft) / temperature
    return total


def test_choices_that_are_of_no_account_in_the_path_learn_nothing():
    module = steps.attached(GDAS(), Nested)
    module.trainer.fit_loop.max_epochs = 5
    batch = steps.pair()
    for index in range(20):
        before = {label: module.architecture.number(label).clone() for label in module.architecture.labels}
        sample = drawn(module.architecture, module.random(index, 0)).sample
        module.train_architecture(batch, index)
        for label, values in before.items():
            assert torch.equal(values, module.architecture.number(label)) == (label not in sample)


def test_what_is_drawn_keeps_the_constraints_and_is_distributed_by_its_probability_among_those():
    domain = Nested().constrain(allowed).domain
    architecture = Architecture(domain)
    random = torch.Generator().manual_seed(1)
    samples = [drawn(architecture, random).sample for _ in range(500)]
    assert all(domain.keeps(sample) for sample in samples)
    plain = sum(sample["outer"] == "plain" for sample in samples)
    assert plain / 500 == pytest.approx(2 / 5, abs=0.07)


def test_constraints_that_hardly_anything_keeps_are_an_error():
    architecture = Architecture(Nested().constrain(lambda sample: sample["outer"] == "deep").domain)
    architecture.number("outer").data[:] = torch.tensor([50.0, -50.0])
    with pytest.raises(SpaceError, match="none of 1000 architectures that were drawn keeps the constraints"):
        drawn(architecture, torch.Generator().manual_seed(0))


def test_proposals_are_all_architectures_each_once_the_most_likely_first():
    space = Nested().constrain(allowed)
    architecture = Architecture(space.domain)
    proposed = list(likely(architecture, 0))
    assert proposed[0] == next(architecture.most_likely())
    assert sorted(map(repr, proposed)) == sorted(map(repr, space.domain.grid()))
    assert proposed == list(likely(architecture, 0))


def test_two_are_drawn_without_replacement_and_the_first_by_its_share_of_the_two():
    logits = torch.tensor([0.8, 0.0, -0.5])
    likely_ones = logits.softmax(0)
    random, draws = torch.Generator().manual_seed(0), 4000
    counts = torch.zeros(3, 3)
    for _ in range(draws):
        first, second = two(logits, random).places
        counts[first, second] += 1
    expected = torch.zeros(3, 3)
    for first in range(3):
        for second in set(range(3)) - {first}:
            p, q = likely_ones[first], likely_ones[second]
            expected[first, second] = (p * q / (1 - p) + q * p / (1 - q)) * p / (p + q)
    torch.testing.assert_close(counts / draws, expected, rtol=0, atol=0.03)


class Joined(ModelSpace):
    """A width that depends on very many choices."""

    def __init__(self):
        super().__init__()
        parts = [nn.ValueChoice([1, 2], label=f"part{place}") for place in range(17)]
        self.layer = nn.Linear(3, sum(parts[1:], parts[0]))

    def forward(self, x):
        return self.layer(x).sum(1, keepdim=True)


def test_one_way_at_a_time_is_never_too_many():
    space, evaluator = Joined(), steps.evaluator()
    with pytest.raises(SpaceError, match=r"DARTS can't search the Linear at 'layer'.* in 131072 ways.* use GDAS"):
        DARTS().check(space, evaluator, evaluator.objectives)
    GDAS().check(space, evaluator, evaluator.objectives)
    with pytest.raises(SpaceError, match="Proxyless can't search the Linear"):
        Proxyless().check(space, evaluator, evaluator.objectives)
