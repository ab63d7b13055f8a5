"""Weighing several decided arguments of one layer, against the frozen layers one by one."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from retiarii import ModelSpace, nn
from retiarii.errors import SpaceError
from retiarii.graph.structure import flat
from retiarii.nn.growth import grow
from retiarii.strategies.one_shot import layers
from retiarii.strategies.one_shot.channels import channels_of
from retiarii.strategies.one_shot.layers import mixed
from retiarii.strategies.one_shot.masks import masks_of
from retiarii.strategies.one_shot.ways import Ways

WIDTH = nn.ValueChoice([4, 8, 6], label="width")
OUT = nn.ValueChoice([3, 6], label="out")
KERNEL = nn.ValueChoice([1, 5, 3], label="kernel")
FLAG = nn.ValueChoice([True, False], label="flag")


class Of(ModelSpace):
    """A space of one grown layer."""

    def __init__(self, make):
        super().__init__()
        self.layer = make()
        grow(self)

    def forward(self, *inputs):
        return self.layer(*inputs)

    @property
    def samples(self):
        return [*self.grid()]

    def ways(self, weights=None, trained=None):
        """All arguments that the layer may have, with weights that do not add up to 1."""
        (expression,) = self.layer.undecided().values()
        values = tuple([expression.evaluate(sample) for sample in self.samples])
        if weights is None:
            weights = torch.linspace(0.2, 1.1, len(values), requires_grad=True)
        return Ways(values, weights, len(values) if trained is None else trained)

    def by_hand(self, ways, inputs):
        """The weighed sum of what the frozen layers give, padded with zeros."""
        total = None
        for sample, weight in zip(self.samples, ways.scalars, strict=True):
            frozen = self.freeze(sample, inherit_weights=True).layer
            taken, _ = channels_of(frozen).leading(inputs, {})
            results = [result * weight.detach() for result in flat(frozen(*taken)) if result is not None]
            total = results if total is None else [_added(*pair) for pair in zip(total, results, strict=True)]
        return total


def _added(one, other):
    total = torch.zeros([max(sizes) for sizes in zip(one.shape, other.shape, strict=True)])
    for part in (one, other):
        total[tuple(map(slice, part.shape))] += part
    return total


def numbers(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), requires_grad=True)


IMAGE, ROWS = (2, 8, 5, 5), (3, 2, 8)
MASKED = [
    (lambda: nn.Linear(WIDTH, OUT), ROWS),
    (lambda: nn.Linear(8, OUT, bias=FLAG), ROWS),
    (lambda: nn.Linear(WIDTH, WIDTH * 2), ROWS),
    (lambda: nn.Conv2d(WIDTH, OUT, KERNEL, padding=KERNEL // 2, stride=2), IMAGE),
    (lambda: nn.Conv2d(8, OUT, (KERNEL, 3), padding=(KERNEL // 2, 0), dilation=1), IMAGE),
    (lambda: nn.Conv2d(8, OUT, KERNEL, padding=KERNEL - 1, dilation=2), IMAGE),
    (lambda: nn.Conv2d(8, OUT, KERNEL, padding="same"), IMAGE),
    (lambda: nn.Conv2d(WIDTH, WIDTH, KERNEL, padding=KERNEL // 2, groups=WIDTH), IMAGE),
    (lambda: nn.Conv2d(WIDTH, WIDTH * 2, 3, groups=WIDTH // 2), IMAGE),
    (lambda: nn.Conv1d(WIDTH, 4, KERNEL, padding=KERNEL // 2, bias=False), (2, 8, 6)),
    (lambda: nn.Conv1d(WIDTH, 4, 3), (8, 6)),
    (lambda: nn.Conv3d(WIDTH, OUT, 1), (1, 8, 2, 2, 2)),
    (lambda: nn.ConvTranspose2d(WIDTH, OUT, KERNEL, padding=KERNEL // 2, stride=2, output_padding=1), IMAGE),
    (lambda: nn.BatchNorm2d(WIDTH), IMAGE),
    (lambda: nn.BatchNorm1d(WIDTH, affine=False), (3, 8)),
    (lambda: nn.InstanceNorm2d(WIDTH), IMAGE),
    (lambda: nn.InstanceNorm1d(WIDTH, affine=True), (8, 9)),
]
SUMMED = [
    (lambda: nn.LayerNorm(WIDTH), ROWS),
    (lambda: nn.LayerNorm((WIDTH, KERNEL)), (2, 8, 5)),
    (lambda: nn.RMSNorm(WIDTH), ROWS),
    (lambda: nn.GroupNorm(2, WIDTH), IMAGE),
    (lambda: nn.Conv2d(WIDTH, 4, 3, groups=2), IMAGE),
    (lambda: nn.Conv2d(8, 4, 3, padding=1, padding_mode=nn.ValueChoice(["zeros", "circular"], label="mode")), IMAGE),
    (lambda: nn.Conv2d(8, 4, KERNEL, padding=KERNEL // 2, padding_mode="reflect"), IMAGE),
    (
        lambda: nn.Conv2d(
            8, 4, 3, padding=nn.ValueChoice([1, 2], label="step"), dilation=nn.ValueChoice([1, 2], label="step")
        ),
        IMAGE,
    ),
    (lambda: nn.BatchNorm2d(WIDTH, affine=FLAG), IMAGE),
    (lambda: nn.BatchNorm2d(8, eps=nn.ValueChoice([1e-5, 1e-1], label="eps")), IMAGE),
    (lambda: nn.PReLU(WIDTH), IMAGE),
    (lambda: nn.ELU(nn.ValueChoice([1.0, 0.5], label="alpha")), IMAGE),
    (lambda: nn.AvgPool2d(KERNEL, 1, KERNEL // 2), IMAGE),
    (lambda: nn.GRU(WIDTH, OUT), ROWS),
    (lambda: nn.LSTM(8, OUT, bidirectional=True), ROWS),
    (lambda: nn.TransformerEncoderLayer(WIDTH, 2, WIDTH * 2, dropout=0.0), ROWS),
]


def gradients(layer, ways, result, inputs):
    sources = [*layer.parameters(), ways.weights, *[tensor for tensor in inputs if tensor.requires_grad]]
    slopes = [torch.linspace(-1, 2, tensor.numel()).reshape(tensor.shape) for tensor in flat(result)]
    return torch.autograd.grad([*flat(result)], sources, slopes, allow_unused=True)


@pytest.mark.parametrize(("make", "shape"), [*MASKED, *SUMMED])
@pytest.mark.parametrize("mode", [True, False])
def test_it_is_the_weighed_sum(make, shape, mode):
    space = Of(make).train(mode)
    ways, x = space.ways(), numbers(*shape)
    expected = space.by_hand(ways, (x,))
    found = [*flat(mixed(space.layer, ways, (x,), {}))]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(("make", "shape"), MASKED)
def test_computing_once_gives_what_computing_each_gives(make, shape, monkeypatch):
    torch.manual_seed(0)
    space = Of(make)
    twin = copy.deepcopy(space)
    ways, inputs = space.ways(), (numbers(*shape),)
    assert masks_of(space.layer, ways.values) is not None
    result = mixed(space.layer, ways, inputs, {})
    found = [result, *gradients(space.layer, ways, result, inputs)]
    monkeypatch.setattr(layers, "masks_of", lambda *_: None)
    result = mixed(twin.layer, ways, inputs, {})
    for one, other in zip(found, [result, *gradients(twin.layer, ways, result, inputs)], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("make", "shape"), SUMMED)
def test_where_one_cannot_stand_for_all_each_is_computed(make, shape):
    space = Of(make)
    assert masks_of(space.layer, space.ways().values) is None


def test_embeddings():
    space = Of(lambda: nn.Embedding(10, WIDTH, padding_idx=0))
    ways, x = space.ways(), torch.tensor([[1, 0], [9, 1]])
    assert masks_of(space.layer, ways.values) is not None
    torch.testing.assert_close([mixed(space.layer, ways, (x,), {})], space.by_hand(ways, (x,)))
    tokens = Of(lambda: nn.Embedding(WIDTH, 5))
    assert masks_of(tokens.layer, tokens.ways().values) is None


@settings(max_examples=25)
@given(
    data=st.data(),
    kernels=st.sets(st.sampled_from([(1, 1), (3, 3), (5, 5), (5, 1)]), min_size=1),
    widths=st.sets(st.integers(1, 6), min_size=1, max_size=3),
    outs=st.sets(st.integers(1, 6), min_size=1, max_size=3),
)
def test_any_sizes_of_a_convolution(data, kernels, widths, outs):
    width, out = nn.ValueChoice(sorted(widths), label="width"), nn.ValueChoice(sorted(outs), label="out")
    kernel = nn.ValueChoice(sorted(kernels), label="kernel")
    space = Of(lambda: nn.Conv2d(width, out, kernel, padding="same", stride=1))
    count = len(space.samples)
    weights = torch.tensor(data.draw(st.lists(st.floats(-2, 2, width=32), min_size=count, max_size=count)))
    ways, x = space.ways(weights), numbers(2, max(widths), 4, 4)
    torch.testing.assert_close([mixed(space.layer, ways, (x,), {})], space.by_hand(ways, (x,)), rtol=1e-4, atol=1e-4)


def test_attention_is_weighed_whoever_its_inputs_are_named():
    space = Of(lambda: nn.MultiheadAttention(WIDTH, nn.ValueChoice([1, 2], label="heads"), kdim=OUT))
    ways = space.ways()
    query, key, value = numbers(3, 2, 8), numbers(4, 2, 6), numbers(4, 2, 8)
    expected = space.by_hand(ways, (query, key, value))
    for inputs, named in (((query, key, value), {}), ((query,), {"value": value, "key": key})):
        torch.testing.assert_close([*mixed(space.layer, ways, inputs, named)], expected)
    result, attended = mixed(space.layer, ways, (query, key, value), {"need_weights": False})
    torch.testing.assert_close(result, expected[0])
    assert attended is None


def test_rates_of_dropout_are_weighed():
    space = Of(lambda: nn.Dropout(nn.ValueChoice([0.0, 0.5], label="rate")))
    result = mixed(space.layer, space.ways(torch.tensor([1.0, 10.0])), (torch.ones(1000),), {})
    assert set(result.tolist()) == {1.0, 21.0}
    space.eval()
    assert mixed(space.layer, space.ways(torch.tensor([1.0, 10.0])), (torch.ones(1),), {}).item() == 11


@pytest.mark.parametrize(("make", "shape"), MASKED + SUMMED[:3])
def test_a_gate_multiplies_what_one_path_gives(make, shape):
    space = Of(make)
    gate = torch.tensor([0.7], requires_grad=True)
    ways, x = Ways(space.ways().values[-1:], gate, 1), numbers(*shape)
    (taken,), _ = channels_of(space.layer.narrow(ways.values[0])).leading((x,), {})
    alone = space.layer.run(ways.values[0], (taken,), {})
    result = mixed(space.layer, ways, (taken,), {})
    assert torch.equal(result, alone * 0.7)
    (gradient,) = torch.autograd.grad(result, gate, torch.ones_like(result))
    torch.testing.assert_close(gradient, alone.sum().reshape(1))


@pytest.mark.parametrize("make", [lambda: nn.Linear(WIDTH, OUT), lambda: nn.LayerNorm(WIDTH)])
def test_of_gates_the_first_is_taken_and_others_only_looked_at(make):
    space = Of(make)
    values = space.ways().values[1:3]
    gates, x = torch.tensor([1.0, 0.0], requires_grad=True), numbers(3, 8)
    result = mixed(space.layer, Ways(values, gates, 1), (x,), {})
    each = [
        mixed(space.layer, Ways((value,), torch.ones(1), 1), (x[:, : _width(space, value)],), {}) for value in values
    ]
    taken, other = [_added(part, torch.zeros(result.shape)) for part in each]
    torch.testing.assert_close(result, taken)
    slope = torch.linspace(-1, 1, result.numel()).reshape(result.shape)
    found = torch.autograd.grad(result, [gates, x, space.layer.weight], slope)
    torch.testing.assert_close(found[0], torch.stack([torch.zeros(()), (slope * (other - taken)).sum()]))
    for one, expected in zip(found[1:], torch.autograd.grad(taken, [x, space.layer.weight], slope), strict=True):
        torch.testing.assert_close(one, expected)


def _width(space, value):
    frozen = space.layer.narrow(value)
    return frozen.weight.shape[-1]


def test_running_statistics_follow_the_input_once():
    space = Of(lambda: nn.BatchNorm1d(WIDTH))
    alone, x = torch.nn.BatchNorm1d(8), numbers(5, 8)
    alone(x)
    mixed(space.layer, space.ways(), (x,), {})
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        assert torch.equal(getattr(space.layer, name), getattr(alone, name))


def test_mixtures_keep_their_data_type_and_follow_autocast():
    space = Of(lambda: nn.Linear(WIDTH, OUT)).to(torch.bfloat16)
    assert mixed(space.layer, space.ways(), (numbers(3, 8).to(torch.bfloat16),), {}).dtype == torch.bfloat16
    space = Of(lambda: nn.Linear(WIDTH, OUT))
    with torch.autocast("cpu", torch.bfloat16):
        assert mixed(space.layer, space.ways(), (numbers(3, 8),), {}).dtype == torch.bfloat16
    assert mixed(space.double().layer, space.ways(), (numbers(3, 8).double(),), {}).dtype == torch.float64


def test_gradients_agree_with_finite_differences():
    space = Of(lambda: nn.Conv2d(OUT, OUT, KERNEL, padding=KERNEL // 2)).double()
    weights = torch.rand(6, dtype=torch.float64, requires_grad=True)
    x = numbers(1, 6, 3, 3).detach().double()
    assert torch.autograd.gradcheck(lambda given: mixed(space.layer, space.ways(given), (x,), {}), weights)
    assert torch.autograd.gradgradcheck(lambda given: mixed(space.layer, space.ways(given), (x,), {}).tanh(), weights)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: nn.Conv2d(8, OUT, KERNEL),
            r"'out', 'kernel' make nn.Conv2d\(out_channels=out, kernel_size=kernel\) give tensors of shapes "
            r"\(2, 3, 5, 5\) and \(2, 3, 1, 1\), .* padding that goes with the kernel size, or sample one at a time",
        ),
        (lambda: nn.MaxPool2d(2, return_indices=FLAG), r"'flag' make nn.MaxPool2d\(.*\) give different kinds of"),
        (lambda: nn.Upsample(scale_factor=OUT), r"\(2, 8, 15, 15\) and \(2, 8, 30, 30\)"),
    ],
)
def test_what_cannot_be_weighed_is_named(make, message):
    space = Of(make)
    with pytest.raises(SpaceError, match=message):
        mixed(space.layer, space.ways(), (numbers(*IMAGE),), {})


def test_several_subsets_of_the_values_can_be_weighed_in_turn():
    space = Of(lambda: nn.Linear(WIDTH, OUT))
    every, x = space.ways(), numbers(2, 8)
    for pair in itertools.combinations(range(len(every.values)), 2):
        values, weights = tuple([every.values[place] for place in pair]), every.weights[list(pair)]
        total = mixed(space.layer, Ways(values, weights, 2), (x,), {})
        parts = [
            space.layer.run(value, (x[:, : value[0]],), {}) * weight
            for value, weight in zip(values, weights, strict=True)
        ]
        torch.testing.assert_close(total, _added(*parts))
