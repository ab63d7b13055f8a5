"""Grown layers: one set of weights for everything that may be decided of a layer."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch
from deciding import following

from retiarii import ModelSpace, nn
from retiarii.errors import SpaceError
from retiarii.nn.growth import grow


class Of(ModelSpace):
    """A space of one layer."""

    def __init__(self, make):
        super().__init__()
        self.layer = make()

    def forward(self, *inputs):
        return self.layer(*inputs)


def choice(*candidates, label="value"):
    return nn.ValueChoice(candidates, label=label)


WIDTH, KERNEL = choice(4, 12, 8, label="width"), choice(1, 5, 3, label="kernel")


def test_a_layer_is_as_large_as_any_candidate_needs():
    layer = nn.Conv2d(3, choice(4, 8, label="a") * choice(1, 3, label="b"), choice((1, 5), (3, 1), label="kernel"))
    weight, bias = layer.weight, layer.bias
    grow(layer)
    assert layer.weight is weight
    assert layer.bias is bias
    assert layer.weight.shape == (24, 3, 3, 5)
    assert layer.bias.shape == (24,)
    assert [*layer.state_dict()] == ["weight", "bias"]
    assert not any(isinstance(module, torch.nn.Conv2d) for module in layer.children())


def test_it_starts_as_the_largest_does():
    torch.manual_seed(0)
    layer = nn.Linear(4, choice(2, 6))
    assert layer.weight.shape == (2, 4)
    torch.manual_seed(3)
    grow(layer)
    torch.manual_seed(3)
    largest = torch.nn.Linear(4, 6)
    assert torch.equal(layer.weight, largest.weight)
    assert torch.equal(layer.bias, largest.bias)
    norm = nn.BatchNorm1d(choice(2, 6))
    grow(norm)
    assert torch.equal(norm.running_var, torch.ones(6))
    crossed = nn.Conv2d(1, 1, choice((1, 5), (5, 1)))
    grow(crossed)
    used = torch.zeros(5, 5, dtype=torch.bool)
    used[2], used[:, 2] = True, True
    assert torch.equal(crossed.weight[0, 0] != 0, used)


def test_growing_again_or_without_need_changes_nothing():
    layer = nn.Linear(4, choice(6, 2))
    before = copy.deepcopy(layer.state_dict())
    for _ in range(2):
        grow(layer)
        assert all(torch.equal(tensor, before[name]) for name, tensor in layer.state_dict().items())


def test_without_an_answer_a_grown_layer_computes_its_default():
    space = Of(lambda: nn.Linear(choice(2, 6), choice(3, 5, label="out")))
    x = torch.randn(4, 2)
    grow(space)
    assert torch.equal(space(x), space.freeze(space.default(), inherit_weights=True)(x))
    assert torch.equal(space.layer(input=x), space(x))
    space.layer(x).sum().backward()
    assert space.layer.weight.grad[:3, :2].abs().sum() > 0
    assert space.layer.weight.grad[3:].abs().sum() + space.layer.weight.grad[:, 2:].abs().sum() == 0


def test_a_computation_of_before_does_not_keep_it_from_being_trained():
    layer = nn.Linear(2, choice(3, 5))
    before = layer(torch.randn(4, 2)).sum()
    grow(layer)
    layer(torch.randn(4, 2)).sum().backward()
    assert layer.weight.grad.shape == (5, 2)
    assert before.requires_grad


def attention():
    return nn.MultiheadAttention(choice(4, 8), 2)


@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda space: pickle.loads(pickle.dumps(space))])  # noqa: S301
def test_grown_spaces_can_be_copied(twin_of):
    space = Of(attention)
    grow(space)
    x = torch.randn(3, 2, 8)
    with following(space, {"value": 8}):
        expected = space(x, x, x)[0]
        space(x, x, x)
    twin = twin_of(space)
    assert twin.layer.in_proj_weight is not space.layer.in_proj_weight
    with following(twin, {"value": 8}):
        assert torch.equal(twin(x, x, x)[0], expected)
    assert torch.equal(twin(x[..., :4], x[..., :4], x[..., :4])[0], space(x[..., :4], x[..., :4], x[..., :4])[0])
    other = Of(attention)
    grow(other)
    other.load_state_dict(space.state_dict())
    with following(other, {"value": 8}):
        assert torch.equal(other(x, x, x)[0], expected)


def test_moves_reach_the_parts():
    space = Of(lambda: nn.BatchNorm1d(choice(4, 8)))
    grow(space)
    x = torch.randn(5, 6)[:, :4]
    space(x)
    space.double()
    assert space(x.double()).dtype == torch.float64
    assert space.layer.running_mean.dtype == torch.float64
    assert (space.layer.running_mean != 0).tolist() == [True] * 4 + [False] * 4
    assert space.layer.num_batches_tracked == 2
    space.layer.weight = torch.nn.Parameter(torch.zeros(8, dtype=torch.float64))
    assert space(x.double()).abs().sum() == 0
    space.requires_grad_(False)
    assert not space(x.double()).requires_grad


def test_a_layer_in_double_grows_in_double_and_as_trainable_as_before():
    layer = nn.Linear(4, choice(2, 6)).double()
    layer.weight.requires_grad_(False)
    grow(layer)
    assert layer.weight.dtype == layer.bias.dtype == torch.float64
    assert not layer.weight.requires_grad
    assert layer.bias.requires_grad


def test_a_parameter_that_only_some_have_is_made():
    layer = nn.Linear(4, 3, bias=choice(False, True))
    assert layer.bias is None
    grow(layer)
    assert isinstance(layer.bias, torch.nn.Parameter)
    x = torch.randn(2, 4)
    assert torch.equal(layer(x), x @ layer.weight.T)


class Tied(ModelSpace):
    """Embeds tokens and predicts them, with one matrix."""

    def __init__(self):
        super().__init__()
        width = choice(4, 8, label="width")
        self.embed = nn.Embedding(choice(5, 3, label="tokens"), width)
        self.predict = nn.Linear(width, choice(3, 7, label="classes"), bias=False)
        self.predict.weight = self.embed.weight

    def forward(self, x):
        return self.predict(self.embed(x))


def test_tied_parameters_stay_tied():
    space = Tied()
    grow(space)
    assert space.predict.weight is space.embed.weight
    assert space.embed.weight.shape == (7, 8)
    assert space.embed.weight.abs().sum(1).count_nonzero() == 7
    sample = {"width": 8, "tokens": 3, "classes": 3}
    frozen = space.freeze(sample, inherit_weights=True)
    assert frozen.predict.weight is frozen.embed.weight
    x = torch.tensor([0, 2])
    with following(space, sample):
        assert torch.equal(space(x), frozen(x))
        space(x).sum().backward()
    frozen(x).sum().backward()
    assert torch.equal(space.embed.weight.grad[:3], frozen.embed.weight.grad)


class Token(ModelSpace):
    """Adds a parameter of undecided shape."""

    def __init__(self):
        super().__init__()
        self.token = nn.ShapedParameter((1, choice(2, 5, label="width")), std=1.0)

    def forward(self, x):
        return x + self.token


def test_parameters_of_undecided_shape_grow_and_keep_their_numbers():
    space = Token()
    whole, before = space.token, space.token.detach().clone()
    grow(space)
    grow(space)
    assert space.token is whole
    assert whole.shape == (1, 5)
    assert torch.equal(whole[:, :2], before)
    assert whole.count_nonzero() == 5
    assert torch.equal(space(torch.zeros(1, 2)), before)
    assert space.token is whole
    assert whole.part((1, 5)) is whole
    whole.part((1, 2)).sum().backward()
    assert whole.grad.tolist() == [[1, 1, 0, 0, 0]]
    assert torch.equal(space.freeze({"width": 5}, inherit_weights=True).token, whole)
    with pytest.raises(SpaceError, match=r"shape \(1, 5\) has no part of shape \(1, 6\)"):
        whole.part((1, 6))


def test_continuous_choices_are_tried_at_their_ends():
    rate = nn.ValueChoice.uniform(0.0, 0.9, label="rate")
    space = Of(lambda: nn.Sequential(nn.Dropout(rate), nn.Linear(4, nn.ValueChoice.to_int(rate * 10) + 1)))
    grow(space)
    assert space.layer[1].weight.shape == (10, 4)
    for value in (0.1234, 0.55):
        with following(space, {"rate": value}):
            assert space(torch.ones(2, 4)).shape == (2, math.floor(value * 10) + 1)


def test_only_so_many_narrow_layers_are_kept():
    space = Of(lambda: nn.Dropout(nn.ValueChoice.uniform(0.0, 1.0, label="rate")))
    grow(space)
    for step in range(1100):
        with following(space, {"rate": step / 1100}):
            space(torch.ones(1))
    assert 0 < len(space.layer.narrow_layers) <= 1024


def test_what_cannot_be_made_is_left_out():
    space = Of(lambda: nn.Conv2d(WIDTH, 12, 1, groups=choice(1, 3, 5, label="groups")))
    grow(space)
    assert space.layer.weight.shape == (12, 12, 1, 1)
    with following(space, {"width": 8, "groups": 5}), pytest.raises(ValueError, match="divisible by groups"):
        space(torch.randn(1, 8, 2, 2))


def test_mistakes():
    many = [choice(*range(1, 60), label=label) for label in "abc"]
    with pytest.raises(SpaceError, match=r"nn.Linear depends on a, b, c, which have 205379 joint values; at most"):
        grow(nn.Linear(many[0] + many[1] * 60, many[2]))
    with pytest.raises(SpaceError, match=r"depends on 'a', which has 1000000 values; at most 100000"):
        grow(nn.Linear(nn.ValueChoice.randint(1, 1_000_000, label="a"), 4))
    with pytest.raises(SpaceError, match=r"nn.LazyLinear is lazy, .* give the size of its input"):
        grow(nn.LazyLinear(choice(2, 3)))
    depth = nn.Repeat(torch.nn.Identity(), choice(1, 2, label="depth"))
    picked = nn.LayerChoice([torch.nn.Identity(), depth], label="op")
    with pytest.raises(SpaceError, match=r"depends on 'op', which no choice in the model decides: grow the space"):
        grow(nn.Linear(4, picked.symbol + 1))
    whole = torch.nn.Sequential(picked, nn.Linear(4, picked.symbol + 1))
    grow(whole)
    assert whole[1].weight.shape == (2, 4)
    with pytest.raises(SpaceError, match=r"has sparse gradients, which weights of several shapes can't share"):
        grow(nn.Embedding(10, choice(2, 4), sparse=True))
    layer = nn.Linear(4, choice(2, 4))
    grow(layer)
    with pytest.raises(SpaceError, match=r"nn.Linear needs a weight of shape \(5, 4\) and has one of shape \(4, 4\)"):
        layer.run((5,), (torch.randn(1, 4),), {})
