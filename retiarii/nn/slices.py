"""Which part of a large layer's weights the same layer with smaller arguments uses."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

_KERNEL_FROM = 2
"""The first dimension of a convolution's weight that is its kernel's."""
_MATRIX = 2
_PACKED = ("in_proj", "weight_ih", "weight_hh", "bias_ih", "bias_hh")
_BLOCKS: tuple[tuple[type[nn.Module], int], ...] = (
    (nn.MultiheadAttention, 3),
    (nn.LSTM, 4),
    (nn.LSTMCell, 4),
    (nn.GRU, 3),
    (nn.GRUCell, 3),
)
"""How many weights of equal size are packed into one, along its first dimension: queries, keys, values; gates."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A part of a tensor.

    Attributes:
        blocks: into how many equal blocks the first dimension falls, of each of which the same part is taken.
        index: the part of the tensor, or of a block, in its first dimensions.
        shape: of the whole part.
        is_dense: whether it is copied, because what torch computes of it depends on how it lies in memory.
    """

    blocks: int
    index: tuple[slice, ...]
    shape: torch.Size
    is_dense: bool

    def of(self, tensor: Tensor) -> Tensor:
        """The part: a view where it can be one, through which gradients and changes in place reach the tensor."""
        if self.blocks == 1:
            is_one_step = len(self.index) <= 1 or torch.compiler.is_compiling()
            part = tensor[self.index] if is_one_step else self._at_once(tensor)
        else:
            part = tensor.view(self.blocks, -1, *tensor.shape[1:])[(slice(None), *self.index)].flatten(0, 1)
        return part.contiguous() if self.is_dense else part

    def _at_once(self, tensor: Tensor) -> Tensor:
        """The same as indexing, in one step however many dimensions are cut, which takes less time in both passes."""
        strides = tensor.stride()
        before = sum([part.start * step for part, step in zip(self.index, strides, strict=False) if part.start])
        return tensor.as_strided(self.shape, strides, tensor.storage_offset() + before)

    def put(self, tensor: Tensor, part: Tensor) -> None:
        """Write the part into the tensor."""
        with torch.no_grad():
            if self.blocks == 1:
                tensor[self.index] = part
            else:
                blocks = tensor.view(self.blocks, -1, *tensor.shape[1:])
                blocks[(slice(None), *self.index)] = part.view(self.blocks, -1, *part.shape[1:])


def cut(owner: nn.Module, name: str, whole: torch.Size, shape: torch.Size) -> Cut:
    """The part of shape `shape` of a tensor of shape `whole`, which is in no dimension smaller.

    It is the leading part in every dimension, but for the kernels of convolutions, of which it is the centre, and for
    weights that are packed into one, of which it is the part of each.

    Source: Once-for-All (arXiv:1908.09791) and Single-Path NAS (arXiv:1904.02877) for the centre of kernels;
    Slimmable Networks (arXiv:1812.08928) for leading channels.

    Args:
        owner: the layer that has the tensor itself, not in a submodule.
        name: of the tensor in the layer.
        whole: of the large tensor.
        shape: of the part.
    """
    blocks = _blocks(owner, name)
    sizes = [(whole[0] // blocks, shape[0] // blocks), *zip(whole[1:], shape[1:], strict=True)] if shape else []
    is_kernel = isinstance(owner, _ConvNd) and name == "weight"
    index = []
    for dimension, (large, small) in enumerate(sizes):
        first = (large - small) // 2 if is_kernel and dimension >= _KERNEL_FROM else 0
        index.append(slice(None) if small == large else slice(first, first + small))
    while index and index[-1] == slice(None):
        index.pop()
    is_dense = len(index) > 1 and (len(shape) != _MATRIX or 1 in shape)
    return Cut(blocks, tuple(index), shape, is_dense)


def fits(whole: torch.Size, shape: torch.Size) -> bool:
    """Whether a tensor of shape `whole` has a part of shape `shape`."""
    return len(whole) == len(shape) and all(small <= large for small, large in zip(shape, whole, strict=True))


def _blocks(owner: nn.Module, name: str) -> int:
    if not name.startswith(_PACKED):
        return 1
    return next((count for cls, count in _BLOCKS if isinstance(owner, cls)), 1)
