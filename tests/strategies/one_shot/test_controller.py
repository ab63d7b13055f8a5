"""The controller is a distribution over samples, and learns by the gradients of its formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from retiarii.domain import Categorical, Domain, Numeric, Predicate, Subset, Symbol
from retiarii.strategies.one_shot.controller import Controller, entropies, log_probabilities
from retiarii.strategies.one_shot.reinforcement import Baseline, Learner, clipped, divergence, reinforced

TWO = Domain([Categorical("a", (0, 1, 2)), Categorical("b", ("x", "y"))])
MIXED = Domain(
    [
        Categorical("outer", ("deep", "flat")),
        Numeric("depth", 1, 3, integer=True),
        Subset("any", 3),
        Subset("one", 3, 1, 1),
        Subset("most", 3, 2, 3),
        Categorical("only", (7,)),
    ],
    {"depth": ((Symbol("outer") == "deep",),)},
)


def controller_of(domain, spread=1.5):
    torch.manual_seed(0)
    controller = Controller(domain).double()
    controller.bias.data = spread * torch.randn(controller.bias.shape, dtype=torch.float64)
    controller.weight.data *= 20
    return controller


def learner_of(controller, algorithm="reinforce", **settings):
    wanted = {"learning_rate": 0.01, "entropy_weight": 0.0, "skip_weight": 0.0, "skip_rate": 0.4, **settings}
    return Learner(controller, algorithm=algorithm, **wanted)


def likely(controller, samples):
    taken = controller.options(samples)
    return log_probabilities(controller(taken), taken).exp()


@pytest.mark.parametrize("domain", [TWO, MIXED], ids=["two", "mixed"])
def test_the_controller_is_a_distribution_over_all_samples(domain):
    controller, samples = controller_of(domain), list(domain.grid())
    probabilities = likely(controller, samples)
    torch.testing.assert_close(probabilities.sum(), torch.ones((), dtype=torch.float64))
    drawn = controller.draw(4000, np.random.default_rng(0))
    counts = np.array([sum(sample == one for one in drawn) for sample in samples])
    expected = probabilities.detach().numpy() * len(drawn)
    rare = expected < 5
    statistic = ((counts - expected) ** 2 / expected)[~rare].sum()
    freedom = (~rare).sum()
    assert statistic < freedom + 4 * math.sqrt(2 * freedom)


def test_choices_that_are_not_active_are_left_out():
    controller = controller_of(MIXED)
    deep = next(sample for sample in MIXED.grid() if sample["outer"] == "deep")
    flat = {label: value for label, value in deep.items() if label != "depth"} | {"outer": "flat"}
    entropy = entropies(controller(controller.options([deep, flat])))
    assert entropy[0, 1] > 0
    assert entropy[1, 1] == 0
    assert "depth" not in MIXED.canonical(flat)


def test_draws_keep_constraints():
    domain = MIXED.constrained(Predicate(lambda sample: len(sample["any"]) == 2))
    drawn = controller_of(domain).draw(50, np.random.default_rng(0))
    assert len(drawn) == 50
    assert all(domain.contains(sample) for sample in drawn)
    rare = TWO.constrained(Predicate(lambda sample: sample == {"a": 1, "b": "y"}))
    never = controller_of(rare)
    never.bias.data[0] = torch.tensor([1e3, -1e3, -1e3])
    assert never.draw(3, np.random.default_rng(0)) == [{"a": 1, "b": "y"}] * 3


def test_marginals_are_the_probabilities_of_candidates():
    controller, samples = controller_of(MIXED), list(MIXED.grid())
    found = controller.marginals(3000, np.random.default_rng(0))
    probabilities = likely(controller, samples).tolist()

    def exact(holds, given=lambda sample: True):
        pairs = [(sample, chance) for sample, chance in zip(samples, probabilities, strict=True) if given(sample)]
        return sum(chance for sample, chance in pairs if holds(sample)) / sum(chance for _, chance in pairs)

    assert found["outer"] == pytest.approx({key: exact(lambda s, k=key: s["outer"] == k) for key in ("deep", "flat")})
    is_deep = lambda sample: "depth" in sample  # noqa: E731
    depths = {depth: exact(lambda s, d=depth: s["depth"] == d, is_deep) for depth in (1, 2, 3)}
    assert found["depth"] == pytest.approx(depths, abs=0.01)
    for label in ("any", "one", "most"):
        inside = {index: exact(lambda s, i=index, name=label: i in s[name]) for index in range(3)}
        assert found[label] == pytest.approx(inside, abs=0.01)
    assert found["only"] == {7: 1.0}


def gradients(controller, loss):
    return torch.cat([part.flatten() for part in torch.autograd.grad(loss, list(controller.parameters()))])


def test_the_gradient_of_reinforce_is_that_of_the_expected_reward():
    controller, samples = controller_of(TWO), list(TWO.grid())
    rewards = torch.tensor([0.3, 1.0, -0.5, 0.2, 0.0, 2.0], dtype=torch.float64)
    probabilities = likely(controller, samples)
    exact = gradients(controller, (probabilities * rewards).sum())

    learner, baseline = learner_of(controller), 0.4
    taken = controller.options(samples)
    before = log_probabilities(controller(taken), taken).detach()
    mean = torch.zeros_like(exact)
    for place, chance in enumerate(before.exp()):
        one = slice(place, place + 1)
        mean -= chance * gradients(controller, learner.loss(taken[one], rewards[one] - baseline, before[one]))
    torch.testing.assert_close(mean, exact)

    drawn = controller.draw(6000, np.random.default_rng(1))
    earned = torch.stack([rewards[samples.index(sample)] for sample in drawn]) - baseline
    taken = controller.options(drawn)
    estimate = -gradients(controller, learner.loss(taken, earned, torch.zeros(len(drawn), dtype=torch.float64)))
    assert torch.linalg.vector_norm(estimate - exact) < 0.1 * torch.linalg.vector_norm(exact)


def test_entropy_and_skips_are_in_the_loss_by_their_formulas():
    domain = Domain([Categorical("a", (0, 1, 2)), Subset("skips", 2)])
    controller = controller_of(domain)
    taken = controller.options([{"a": 1, "skips": [0]}])
    scores = controller(taken)[0]
    chances = [scores[0].exp(), scores[1, :2].exp(), scores[2, :2].exp()]
    entropy = sum(-(chance * chance.log()).sum() for chance in chances) / 3
    skips = [chance[1] * (chance[1] / 0.3).log() + chance[0] * (chance[0] / 0.7).log() for chance in chances[1:]]
    nothing = torch.zeros(1, dtype=torch.float64)
    learner = learner_of(controller, entropy_weight=0.5, skip_weight=0.8, skip_rate=0.3)
    loss = learner.loss(taken, nothing, nothing)
    torch.testing.assert_close(loss, -0.5 * entropy + 0.8 * sum(skips) / 2)
    sure = torch.tensor([[-1e9, 0.0]])
    assert divergence(sure, 0.4).item() == pytest.approx(-math.log(0.4))


def test_ratios_are_clipped():
    ratios = torch.tensor([0.5, 0.9, 1.1, 1.5, 0.5, 1.5], dtype=torch.float64)
    advantages = torch.tensor([1.0, 1.0, 1.0, 1.0, -1.0, -1.0], dtype=torch.float64)
    now = ratios.log().requires_grad_()
    gain = clipped(now, torch.zeros(6, dtype=torch.float64), advantages)
    torch.testing.assert_close(gain, torch.tensor([0.5, 0.9, 1.1, 1.2, -0.8, -1.5], dtype=torch.float64))
    (slope,) = torch.autograd.grad(gain.sum(), now)
    torch.testing.assert_close(slope, torch.tensor([0.5, 0.9, 1.1, 0.0, 0.0, -1.5], dtype=torch.float64))
    assert torch.equal(reinforced(now, now, advantages), advantages * now)


def test_the_baseline_is_a_moving_average_in_units_of_the_spread():
    baseline = Baseline(0.75)
    first = torch.tensor([1.0, 3.0], dtype=torch.float64)
    torch.testing.assert_close(baseline.advantages(first), torch.tensor([-1.0, 1.0], dtype=torch.float64))
    second = baseline.advantages(torch.tensor([6.0, 6.0], dtype=torch.float64))
    assert baseline.mean.item() == 0.75 * 2 + 0.25 * 6
    assert baseline.variance.item() == 0.75 * 1 + 0.25 * 9
    torch.testing.assert_close(second, torch.full((2,), 3 / math.sqrt(3), dtype=torch.float64))
    scaled = Baseline(0.75)
    torch.testing.assert_close(scaled.advantages(100 * first - 7), torch.tensor([-1.0, 1.0], dtype=torch.float64))


@pytest.mark.parametrize("algorithm", ["reinforce", "ppo"])
def test_both_algorithms_learn_what_is_best(algorithm):
    torch.manual_seed(0)
    controller, baseline = Controller(MIXED), Baseline(0.9)
    learner = learner_of(controller, algorithm, entropy_weight=0.01)
    best = {"outer": "deep", "depth": 3, "any": [0, 2], "one": [2], "most": [0, 1], "only": 7}
    rng = np.random.default_rng(0)
    for _ in range(120):
        drawn = controller.draw(8, rng)
        rewards = [sum(sample.get(label) == value for label, value in best.items()) for sample in drawn]
        advantages = baseline.advantages(torch.tensor(rewards, dtype=torch.float64))
        learner.learn(controller.options(drawn), advantages)
    assert controller.likeliest(100, rng) == best
