"""Parts of tensors: which they are, and that gradients and changes reach the whole."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from retiarii.nn.slices import cut, fits

SIZES = st.integers(1, 5)


def numbers(*shape):
    return torch.arange(torch.Size(shape).numel(), dtype=torch.float32).reshape(shape)


def part(owner, name, tensor, *shape):
    return cut(owner, name, tensor.shape, torch.Size(shape)).of(tensor)


def test_it_is_the_leading_part():
    weight = numbers(4, 6)
    assert torch.equal(part(nn.Linear(1, 1), "weight", weight, 2, 3), weight[:2, :3])
    assert torch.equal(part(nn.Conv2d(1, 1, 1), "bias", weight[0], 2), weight[0, :2])
    assert part(nn.BatchNorm1d(1), "num_batches_tracked", torch.tensor(3)).item() == 3


@pytest.mark.parametrize(
    "conv", [nn.Conv1d(1, 1, 1), nn.Conv2d(1, 1, 1), nn.Conv3d(1, 1, 1), nn.ConvTranspose2d(1, 1, 1)]
)
def test_of_a_kernel_it_is_the_centre(conv):
    kernel = (7,) * len(conv.kernel_size)
    weight = numbers(4, 3, *kernel)
    smaller = part(conv, "weight", weight, 2, 1, *[3 for _ in kernel])
    assert torch.equal(smaller, weight[(slice(2), slice(1), *[slice(2, 5) for _ in kernel])])
    even = part(conv, "weight", weight, 4, 3, *[4 for _ in kernel])
    assert torch.equal(even, weight[(slice(None), slice(None), *[slice(1, 5) for _ in kernel])])


@pytest.mark.parametrize(
    ("layer", "name", "blocks"),
    [
        (nn.MultiheadAttention(4, 2), "in_proj_weight", 3),
        (nn.MultiheadAttention(4, 2), "in_proj_bias", 3),
        (nn.MultiheadAttention(4, 2), "bias_k", 1),
        (nn.LSTM(4, 4), "weight_hh_l0", 4),
        (nn.LSTM(4, 4, proj_size=2), "weight_hr_l0", 1),
        (nn.GRU(4, 4), "bias_ih_l0_reverse", 3),
        (nn.RNN(4, 4), "weight_ih_l0", 1),
        (nn.LSTMCell(4, 4), "weight_ih", 4),
        (nn.GRUCell(4, 4), "bias_hh", 3),
    ],
)
def test_of_what_is_packed_it_is_a_part_of_each(layer, name, blocks):
    weight = numbers(blocks * 4, 5)
    smaller = part(layer, name, weight, blocks * 2, 3)
    assert torch.equal(smaller, torch.cat([block[:2, :3] for block in weight.chunk(blocks)]))


@given(small=st.lists(SIZES, min_size=3, max_size=3), more=st.lists(st.integers(0, 4), min_size=3, max_size=3))
def test_what_is_put_there_is_found_there_and_gradients_go_there(small, more):
    blocks = 3
    whole = torch.zeros(blocks * (small[0] + more[0]), small[1] + more[1], requires_grad=True)
    attention, conv = nn.MultiheadAttention(4, 2), nn.Conv1d(1, 1, 1)
    kernels = torch.zeros([size + extra for size, extra in zip(small, more, strict=True)], requires_grad=True)
    for layer, name, tensor, shape in (
        (attention, "in_proj_weight", whole, (blocks * small[0], small[1])),
        (conv, "weight", kernels, tuple(small)),
    ):
        taken = cut(layer, name, tensor.shape, torch.Size(shape))
        inside = numbers(*shape) + 1
        taken.put(tensor, inside)
        assert torch.equal(taken.of(tensor), inside)
        assert tensor.sum() == inside.sum()
        (gradient,) = torch.autograd.grad(taken.of(tensor), tensor, inside)
        assert torch.equal(gradient, tensor)


@given(st.lists(SIZES, min_size=1, max_size=4), st.lists(SIZES, min_size=1, max_size=4))
def test_a_tensor_fits_where_every_dimension_suffices(whole, shape):
    expected = len(whole) == len(shape) and all(b <= a for a, b in zip(whole, shape, strict=True))
    assert fits(torch.Size(whole), torch.Size(shape)) == expected


def test_changes_in_place_reach_the_whole():
    mean = torch.zeros(6)
    part(nn.BatchNorm2d(6), "running_mean", mean, 4).add_(1)
    assert mean.tolist() == [1, 1, 1, 1, 0, 0]


def test_what_lies_scattered_is_copied_where_results_would_depend_on_it():
    weight = numbers(4, 6)
    assert part(nn.Linear(1, 1), "weight", weight, 3, 1).is_contiguous()
    assert part(nn.Conv1d(1, 1, 1), "weight", weight[None], 1, 2, 2).is_contiguous()
    assert part(nn.Linear(1, 1), "weight", weight, 3, 2).data_ptr() == weight.data_ptr()
