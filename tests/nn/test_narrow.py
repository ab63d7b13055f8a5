"""Narrow layers: what a grown layer computes is exactly what the frozen layer with its weights does."""

from __future__ import annotations

import pytest
import torch
from deciding import computed, following
from torch_layers import inputs, required, values, varied

from retiarii import ModelSpace, nn
from retiarii.errors import SpaceError
from retiarii.nn.growth import grow
from retiarii.nn.slices import cut


class Of(ModelSpace):
    """A space of one layer."""

    def __init__(self, make):
        super().__init__()
        self.layer = make()

    def forward(self, *inputs):
        return self.layer(*inputs)


SEPARATE = {
    ("LayerNorm", "normalized_shape"): "may have the shapes .* let a LayerChoice",
    ("RMSNorm", "normalized_shape"): "may have the shapes .* let a LayerChoice",
    ("Transformer", "num_encoder_layers"): "only for some of its arguments, .* LayerChoice or Repeat",
    ("Transformer", "num_decoder_layers"): "only for some of its arguments, .* LayerChoice or Repeat",
    ("TransformerDecoder", "num_layers"): "only for some of its arguments, .* LayerChoice or Repeat",
    ("TransformerEncoder", "num_layers"): "only for some of its arguments, .* LayerChoice or Repeat",
}
"""What can't share weights, and what is said of it."""
SHARED = [pair for pair in varied() if pair not in SEPARATE and not pair[0].startswith("Lazy")]


def choice(*candidates, label="value"):
    return nn.ValueChoice(candidates, label=label)


def assert_part(grown, frozen):
    """Assert that gradients and buffers of a frozen layer are those of a part of a grown one; the rest has none."""
    for path, owner in frozen.named_modules():
        wide = grown.get_submodule(path)
        for name, parameter in owner._parameters.items():
            whole = wide._parameters.get(name)
            if parameter is None or parameter.grad is None:
                continue
            expected = torch.zeros_like(whole)
            gradient = parameter.grad.to_dense()
            cut(owner, name, whole.shape, parameter.shape).put(expected, gradient)
            torch.testing.assert_close(whole.grad.to_dense(), expected, rtol=0, atol=0)
        for name, buffer in owner._buffers.items():
            if buffer is not None:
                whole = wide._buffers[name]
                part = cut(owner, name, whole.shape, buffer.shape).of(whole)
                torch.testing.assert_close(part, buffer, rtol=0, atol=0)


def assert_path(space, sample, given):
    """Assert that a grown space follows a sample exactly as the frozen model with its weights, in both modes."""
    for mode in (True, False):
        frozen = space.train(mode).freeze(sample, inherit_weights=True)
        with following(space, sample):
            found = computed(space, given)
        for one, other in zip(found, computed(frozen, given), strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)
        assert_part(space.layer, frozen.layer)


# What torch has to say to some of these arguments.
@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")
@pytest.mark.filterwarnings("ignore:dropout option adds dropout after all but last")
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
@pytest.mark.parametrize(("name", "argument"), SHARED, ids=lambda part: part)
def test_every_argument_of_every_layer_is_decided_exactly(name, argument):
    fixed, candidates = required(name, argument), values(name, argument)
    space = Of(lambda: getattr(nn, name)(**fixed, **{argument: choice(*candidates)}))
    grow(space)
    for value in candidates:
        assert_path(space, {"value": value}, inputs(name, {**fixed, argument: value}))


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")
@pytest.mark.parametrize(("name", "argument"), SEPARATE)
def test_what_cannot_share_weights_is_named(name, argument):
    candidates = (1, 7) if argument.startswith("num") else values(name, argument)
    space = Of(lambda: getattr(nn, name)(**required(name, argument), **{argument: choice(*candidates)}))
    with pytest.raises(SpaceError, match=rf"nn.{name} at 'layer' .*{SEPARATE[name, argument]}"):
        grow(space)


WIDTH, KERNEL = choice(4, 12, 8, label="width"), choice(1, 5, 3, label="kernel")
JOINT = [
    (lambda: nn.Conv2d(WIDTH, WIDTH * 2, KERNEL, padding=KERNEL // 2), (1, -1, 6, 6)),
    (lambda: nn.Conv2d(WIDTH, WIDTH, KERNEL, padding="same", groups=WIDTH), (2, -1, 6, 6)),
    (lambda: nn.Conv2d(WIDTH, 8, (KERNEL, 1), groups=choice(1, 4, label="groups")), (2, -1, 6, 6)),
    (lambda: nn.ConvTranspose1d(WIDTH, WIDTH // 2, KERNEL, groups=2), (2, -1, 6)),
    (lambda: nn.Linear(WIDTH, nn.ValueChoice.to_int(WIDTH * 1.5), bias=KERNEL > 1), (3, -1)),
    (lambda: nn.BatchNorm2d(WIDTH, affine=KERNEL > 1, track_running_stats=KERNEL < 5), (3, -1, 2, 2)),
    (lambda: nn.LayerNorm((WIDTH, KERNEL)), (2, -1, -2)),
    (lambda: nn.GroupNorm(choice(1, 2, 4, label="groups"), WIDTH), (2, -1, 3)),
    (lambda: nn.MultiheadAttention(WIDTH, choice(1, 2, 4, label="heads"), kdim=WIDTH, dropout=0.5), (3, 2, -1)),
    (lambda: nn.LSTM(WIDTH, WIDTH * 2, choice(1, 2, label="depth"), bidirectional=KERNEL > 3), (3, 2, -1)),
    (lambda: nn.TransformerEncoderLayer(WIDTH, 2, WIDTH * KERNEL, dropout=0.1), (3, 2, -1)),
]


@pytest.mark.parametrize(("make", "shape"), JOINT)
def test_expressions_of_several_choices_are_decided_exactly(make, shape):
    space = Of(make)
    grow(space)
    for sample in space.grid():
        size = {-1: sample["width"], -2: sample.get("kernel")}
        x = torch.randn([size.get(each, each) for each in shape], requires_grad=True)
        assert_path(space, sample, (x, x, x) if isinstance(space.layer, torch.nn.MultiheadAttention) else (x,))


def test_a_grown_path_can_be_trained_and_frozen():
    space = Of(lambda: nn.Sequential(nn.Linear(4, WIDTH), nn.BatchNorm1d(WIDTH), nn.Linear(WIDTH, 2)))
    grow(space)
    optimizer = torch.optim.SGD(space.parameters(), 0.1)
    x = torch.randn(6, 4)
    for width in (4, 8, 12, 8):
        model = space.freeze({"width": width}, inherit_weights=True)
        own = torch.optim.SGD(model.parameters(), 0.1)
        with following(space, {"width": width}):
            for trained, steps in ((space, optimizer), (model, own)):
                steps.zero_grad()
                trained(x).square().mean().backward()
                steps.step()
        after = space.freeze({"width": width}, inherit_weights=True)
        for name, tensor in after.state_dict().items():
            assert torch.equal(tensor, model.state_dict()[name])
