from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from retiarii.strategies.policy.episodes import NONE
from retiarii.strategies.policy.learner import Learner

WIDTHS = (3, 2, 4)


def learner(widths=WIDTHS, seed=0, **changes):
    return Learner(widths, **{"learning_rate": 0.01, "entropy": 0.01, "seed": seed, **changes})


def all_legal(taken, widths=WIDTHS):
    return np.broadcast_to(np.arange(max(widths)) < np.array(widths)[:, None], (*taken.shape, max(widths))).copy()


def probabilities(learned, prefix=()):
    """Of the options after those of `prefix`."""
    walk = learned.walk()
    scores = walk.start(1)
    for option in prefix:
        scores = walk.advance(np.array([option]))
    return np.exp(scores[0]) / np.exp(scores[0]).sum()


def teach(learned, updates=3):
    rng = np.random.default_rng(0)
    for _ in range(updates):
        taken = np.stack([rng.integers(width, size=20) for width in WIDTHS], axis=1)
        learned.learn(taken, all_legal(taken), rng.random(20))
    return learned


def test_the_better_of_two_options_becomes_more_likely():
    learned = learner((2,))
    taken = np.array([[0], [1]] * 5)
    shares = [probabilities(learned)[1]]
    for _ in range(8):
        learned.learn(taken, all_legal(taken, (2,)), np.array([0.0, 1.0] * 5))
        shares.append(probabilities(learned)[1])
    assert shares[0] < shares[1] < shares[2] < shares[-1], shares
    assert shares[-1] > 0.9
    for _ in range(8):
        learned.learn(taken, all_legal(taken, (2,)), np.array([1.0, 0.0] * 5))
    assert probabilities(learned)[1] < shares[-1]


def test_the_scale_of_rewards_makes_no_difference():
    taken = np.stack([np.random.default_rng(0).integers(width, size=20) for width in WIDTHS], axis=1)
    found = []
    for scale, offset in ((1.0, 0.0), (1024.0, 4096.0), (2.0**-10, -1.0)):
        learned = learner()
        learned.learn(taken, all_legal(taken), scale * np.arange(20) + offset)
        found.append(probabilities(learned))
    assert np.allclose(found, found[0], atol=1e-4)


def test_a_decision_may_depend_on_those_before_it():
    learned = learner((2, 2))
    taken = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 5)
    for _ in range(20):
        learned.learn(taken, all_legal(taken, (2, 2)), np.array([1.0, 0.0, 0.0, 1.0] * 5))
    assert probabilities(learned, (0,))[0] > 0.9
    assert probabilities(learned, (1,))[1] > 0.9


def test_the_walk_gives_the_scores_that_whole_episodes_have():
    learned = teach(learner())
    taken = np.array([[0, 1, 3], [2, NONE, 1], [1, 0, NONE]])
    walk = learned.walk()
    stepwise = [walk.start(3), walk.advance(taken[:, 0]), walk.advance(taken[:, 1])]
    observed = type("Observed", (), {"taken": taken, "legal": all_legal(taken)})
    with torch.no_grad():
        whole, _ = learned._network(observed)
    for step, width in enumerate(WIDTHS):
        assert np.allclose(stepwise[step], whole[:, step, :width].numpy(), atol=1e-6)


def test_nothing_is_learned_of_steps_left_out():
    learned = learner((2, 2), entropy=0.0)
    left_out = np.array([[0, NONE], [1, NONE]] * 5)
    legal = np.array([[[True, True], [True, False]]] * 10)
    weight = learned._network.weight[1].detach().clone()
    learned.learn(left_out, legal, np.array([0.0, 1.0] * 5))
    assert torch.equal(learned._network.weight[1], weight)


def test_nothing_is_learned_from_rewards_that_are_all_equal():
    learned = learner()
    before = probabilities(learned)
    taken = np.stack([np.random.default_rng(0).integers(width, size=20) for width in WIDTHS], axis=1)
    learned.learn(taken, all_legal(taken), np.full(20, 0.3))
    assert np.array_equal(probabilities(learned), before)


def test_entropy_keeps_the_policy_from_being_sure():
    taken = np.array([[0], [1]] * 5)
    shares = []
    for entropy in (0.0, 0.1, 1.0):
        learned = learner((2,), entropy=entropy)
        for _ in range(3):
            learned.learn(taken, all_legal(taken, (2,)), np.array([0.0, 1.0] * 5))
        shares.append(probabilities(learned)[1])
    assert shares == sorted(shares, reverse=True), shares


def test_the_same_seed_learns_the_same_and_another_something_else():
    first, second, other = teach(learner(seed=3)), teach(learner(seed=3)), teach(learner(seed=4))
    assert np.array_equal(probabilities(first), probabilities(second))
    assert not np.array_equal(probabilities(first), probabilities(other))


def test_global_state_is_left_alone():
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate(), torch.get_num_threads()
    teach(learner())
    probabilities(learner())
    after = torch.get_rng_state(), np.random.get_state()[1], random.getstate(), torch.get_num_threads()
    assert torch.equal(before[0], after[0])
    assert np.array_equal(before[1], after[1])
    assert before[2:] == after[2:]
    assert torch.is_grad_enabled()


def test_global_state_makes_no_difference():
    expected = probabilities(teach(learner()))
    torch.manual_seed(7)
    np.random.seed(7)
    with torch.no_grad():
        assert np.array_equal(probabilities(teach(learner())), expected)


@pytest.mark.parametrize("widths", [(2,), (1000, 2), (2,) * 60])
def test_few_wide_and_many_steps_are_no_trouble(widths):
    learned = learner(widths)
    taken = np.zeros((4, len(widths)), dtype=np.int64)
    learned.learn(taken, all_legal(taken, widths), np.arange(4.0))
    assert np.isfinite(probabilities(learned, (0,) * (len(widths) - 1))).all()


def test_a_default_device_makes_no_difference():
    expected = probabilities(teach(learner()))
    with torch.device("meta"):
        assert np.array_equal(probabilities(teach(learner())), expected)
