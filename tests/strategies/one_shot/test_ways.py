"""How several values of an expression follow from those of its labels."""

from __future__ import annotations

import itertools

import pytest
import torch

from retiarii import nn
from retiarii.errors import SpaceError
from retiarii.strategies.one_shot.coefficients import coefficients
from retiarii.strategies.one_shot.ways import Joint, Ways

WIDTH = nn.ValueChoice([8, 16, 32], label="width")
RATIO = nn.ValueChoice([1, 2], label="ratio")


def mixture(*values, seed=0):
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(len(values), generator=generator, dtype=torch.float64).softmax(0)
    return Ways(values, weights.requires_grad_(), len(values))


def test_a_symbol_has_the_ways_of_its_label():
    width = mixture(8, 16, 32)
    assert Joint(WIDTH).ways({"width": width}) is width


def test_an_expression_of_paths_is_a_path():
    ways = Joint(WIDTH * RATIO).ways({"width": Ways.path(16), "ratio": Ways.path(2)})
    assert ways.is_path
    assert ways.values == (32,)


def test_joint_values_that_are_equal_are_added_up():
    width, ratio = mixture(8, 16, 32), mixture(1, 2, seed=1)
    ways = Joint(WIDTH * RATIO).ways({"width": width, "ratio": ratio})
    by_hand = dict.fromkeys(ways.values, 0.0)
    for (one, left), (two, right) in itertools.product(
        zip(width.values, width.scalars, strict=True), zip(ratio.values, ratio.scalars, strict=True)
    ):
        by_hand[one * two] += left * right
    assert set(ways.values) == {8, 16, 32, 64}
    assert torch.equal(torch.stack([by_hand[value] for value in ways.values]), ways.weights)
    assert ways.weights.sum().item() == pytest.approx(1)


def test_gradients_reach_the_labels():
    width, ratio = mixture(8, 16, 32), mixture(1, 2, seed=1)
    joint = Joint(WIDTH * RATIO)

    def first(one, two):
        labels = {"width": Ways(width.values, one, 3), "ratio": Ways(ratio.values, two, 2)}
        return joint.ways(labels).weights

    torch.autograd.gradcheck(first, (width.weights, ratio.weights))


def test_a_decided_label_only_shifts_the_values():
    ways = Joint(WIDTH * RATIO).ways({"width": mixture(8, 16, 32), "ratio": Ways.path(2)})
    assert ways.values == (16, 32, 64)
    assert torch.equal(ways.weights, mixture(8, 16, 32).weights)


def test_only_joint_decisions_of_trained_values_are_trained():
    width = Ways((16, 8), torch.tensor([1.0, 0.0]), 1)
    ratio = Ways((2, 1), torch.tensor([1.0, 0.0]), 1)
    ways = Joint(WIDTH * RATIO).ways({"width": width, "ratio": ratio})
    assert ways.values[: ways.trained] == (32,)
    assert set(ways.values[ways.trained :]) == {16, 8}


def test_equal_numbers_of_different_types_are_told_apart():
    flag = nn.ValueChoice([True, 1, 2], label="flag")
    ways = Joint(nn.ValueChoice.condition(RATIO == 1, flag, flag)).ways(
        {"ratio": mixture(1, 2), "flag": mixture(True, 1, 2)}
    )
    assert [type(value) for value in ways.values] == [bool, int, int]


def test_too_many_joint_decisions_are_an_error():
    labels = {f"w{place}": mixture(*range(10)) for place in range(6)}
    total = sum((nn.ValueChoice(range(10), label=label) for label in labels), start=0 * RATIO)
    with pytest.raises(SpaceError, match=r"w0, w1, w2, w3, w4, w5\), which can be decided in 1000000 ways"):
        Joint(total).ways({**labels, "ratio": Ways.path(1)})


SUBSETS = ((), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2))


@pytest.mark.parametrize("reduction", ["sum", "mean", "concat"])
def test_coefficients_weigh_what_each_subset_gives(reduction):
    ways = mixture(*SUBSETS)
    inputs = [torch.rand(2, 3, dtype=torch.float64) for _ in range(3)]
    slots = [
        sum(inputs[index] * amount for index, amount, _ in slot) for slot in coefficients(ways, len(inputs), reduction)
    ]
    expected = [torch.zeros(2, 3, dtype=torch.float64) for _ in slots]
    for subset, weight in zip(SUBSETS, ways.scalars, strict=True):
        for position, index in enumerate(subset):
            share = 1 / len(subset) if reduction == "mean" else 1
            expected[position if reduction == "concat" else 0] += (weight * inputs[index] * share).detach()
    assert len(slots) == (3 if reduction == "concat" else 1)
    for slot, wanted in zip(slots, expected, strict=True):
        torch.testing.assert_close(slot, wanted)


def test_inputs_of_untrained_subsets_pass_no_gradients():
    ways = Ways(((1,), (0,)), torch.tensor([1.0, 0.0]), 1)
    (slot,) = coefficients(ways, 2, "sum")
    assert [(index, is_trained) for index, _, is_trained in slot] == [(1, True), (0, False)]
