"""The distributions that architecture parameters stand for, and what they find most likely."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from retiarii.domain import Categorical, Domain, Numeric, Subset, Symbol
from retiarii.errors import SpaceError
from retiarii.strategies.one_shot.architecture import Architecture
from retiarii.testing import DOMAINS


def filled(architecture, seed=0):
    generator = torch.Generator().manual_seed(seed)
    for number in architecture.numbers:
        number.data = torch.randn(number.shape, generator=generator, dtype=torch.float64)
    return architecture


def test_a_categorical_has_the_softmax_of_its_numbers():
    architecture = filled(Architecture(Domain([Categorical("op", ["conv", "skip", "pool"])])))
    assert torch.equal(architecture.probabilities("op"), architecture.number("op").softmax(0))
    assert list(architecture.weights()["op"]) == ["conv", "skip", "pool"]


def test_one_input_has_the_softmax_of_its_numbers():
    architecture = filled(Architecture(Domain([Subset("pick", 4, 1, 1)])))
    assert architecture.values["pick"] == ((0,), (1,), (2,), (3,))
    torch.testing.assert_close(architecture.probabilities("pick"), architecture.number("pick").softmax(0))


def test_any_number_of_inputs_is_in_or_out_independently():
    architecture = filled(Architecture(Domain([Subset("skips", 4)])))
    inside = architecture.number("skips").sigmoid()
    for subset, likely in zip(architecture.values["skips"], architecture.probabilities("skips"), strict=True):
        expected = math.prod([inside[index] if index in subset else 1 - inside[index] for index in range(4)])
        torch.testing.assert_close(likely, expected)
    shown = architecture.weights()["skips"]
    assert [shown[index] for index in range(4)] == pytest.approx(inside.tolist())


def test_several_inputs_are_as_likely_as_the_product_of_theirs():
    architecture = filled(Architecture(Domain([Subset("pair", 4, 2, 2)])))
    factors = architecture.number("pair").exp()
    products = torch.stack([factors[a] * factors[b] for a, b in itertools.combinations(range(4), 2)])
    torch.testing.assert_close(architecture.probabilities("pair"), products / products.sum())


def test_a_choice_with_too_many_values_is_an_error():
    with pytest.raises(SpaceError, match=r"'rate' has a continuous range of values, .* or use RandomOneShot"):
        Architecture(Domain([Numeric("rate", 0.0, 1.0)]))
    with pytest.raises(SpaceError, match=r"'skips' has 1048576 values, and at most 4096"):
        Architecture(Domain([Subset("skips", 20)]))


def conditional():
    op = Categorical("op", ["conv", "skip"])
    return Domain([op, Categorical("kernel", [3, 5, 7]), Subset("pick", 2)], {"kernel": [[Symbol("op") == "conv"]]})


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_the_most_likely_samples_come_first_and_each_once(seed):
    domain = conditional()
    architecture = filled(Architecture(domain), seed)
    samples = list(architecture.most_likely())
    assert len(samples) == domain.size
    assert len({repr(sample) for sample in samples}) == domain.size
    scores = [score(architecture, sample) for sample in samples]
    assert scores == sorted(scores, reverse=True)


def score(architecture, sample):
    """The logarithm of the likelihood of the likeliest decisions that make the sample."""
    total = 0.0
    for label, values in architecture.values.items():
        logarithms = architecture.logits(label).log_softmax(0).tolist()
        if label in sample:
            value = sample[label]
            total += logarithms[values.index(tuple(value) if isinstance(value, list) else value)]
        else:
            total += max(logarithms)
    return round(total, 9)


@pytest.mark.parametrize("name", [name for name, domain in DOMAINS.items() if domain.size < 10_000])
def test_what_is_most_likely_keeps_the_constraints(name):
    domain = DOMAINS[name]
    architecture = filled(Architecture(domain))
    for sample in itertools.islice(architecture.most_likely(), 20):
        domain.validate(sample)
