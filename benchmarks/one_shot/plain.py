"""The networks that steps are measured on, in plain PyTorch: what a person writes by hand for one space."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

CHANNELS, CLASSES, SIZE = 16, 10, 16
OPERATIONS = 7
WIDTHS, KERNELS = (8, 16, 24, 32), (3, 5, 7)


def separable(channels: int, kernel: int, dilation: int) -> nn.Module:
    """A depthwise and a pointwise convolution after an activation, as in DARTS."""
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, padding=padding, dilation=dilation, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    )


def operations(channels: int = CHANNELS) -> list[nn.Module]:
    """Seven candidates: three without weights, four separable convolutions."""
    shapes = ((3, 1), (5, 1), (3, 2), (5, 2))
    separables = [separable(channels, kernel, dilation) for kernel, dilation in shapes]
    return [nn.Identity(), nn.MaxPool2d(3, 1, 1), nn.AvgPool2d(3, 1, 1), *separables]


def inverted(channels: int, kernel: int, expansion: int) -> nn.Module:
    """An inverted bottleneck, as in ProxylessNAS."""
    hidden = channels * expansion
    return nn.Sequential(
        nn.Conv2d(channels, hidden, 1, bias=False),
        nn.BatchNorm2d(hidden),
        nn.ReLU6(inplace=True),
        nn.Conv2d(hidden, hidden, kernel, padding=kernel // 2, groups=hidden, bias=False),
        nn.BatchNorm2d(hidden),
        nn.ReLU6(inplace=True),
        nn.Conv2d(hidden, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    )


def bottlenecks(channels: int = CHANNELS) -> list[nn.Module]:
    """Seven candidates: none, and six inverted bottlenecks."""
    shapes = ((3, 3), (5, 3), (7, 3), (3, 6), (5, 6), (7, 6))
    return [nn.Identity(), *[inverted(channels, kernel, expansion) for kernel, expansion in shapes]]


def stem(channels: int = CHANNELS) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))


class Classifier(nn.Module):
    """The mean over all positions, then a linear layer."""

    def __init__(self, channels: int = CHANNELS) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.mean((2, 3)))


class PathNetwork(nn.Module):
    """Operations in a row.

    Args:
        places: Which of the seven each is.
    """

    def __init__(self, places: Sequence[int]) -> None:
        super().__init__()
        self.stem = stem()
        self.body = nn.Sequential(*[operations()[place] for place in places])
        self.head = Classifier()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(self.stem(x)))


class Mixed(nn.Module):
    """The weighed sum of all operations."""

    def __init__(self) -> None:
        super().__init__()
        self.candidates = nn.ModuleList(operations())

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        total = None
        for weight, candidate in zip(weights, self.candidates, strict=True):
            part = weight * candidate(x)
            total = part if total is None else total + part
        return total


class MixedNetwork(nn.Module):
    """Mixed operations in a row.

    Attributes:
        alphas: The numbers whose softmax weighs the operations.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self.stem = stem()
        self.body = nn.ModuleList([Mixed() for _ in range(count)])
        self.head = Classifier()
        self.alphas = [(1e-3 * torch.randn(OPERATIONS)).requires_grad_() for _ in range(count)]

    def forward(self, x: Tensor, *, is_architecture: bool) -> Tensor:
        x = self.stem(x)
        for mixed, alpha in zip(self.body, self.alphas, strict=True):
            weights = (alpha if is_architecture else alpha.detach()).softmax(0)
            x = mixed(x, weights)
        return self.head(x)


class Sliced(nn.Module):
    """A residual block that uses parts of its weights."""

    def __init__(self) -> None:
        super().__init__()
        widest, largest = WIDTHS[-1], KERNELS[-1]
        self.wide = nn.Conv2d(CHANNELS, widest, largest, bias=False)
        self.norm = nn.BatchNorm2d(widest)
        self.back = nn.Conv2d(widest, CHANNELS, 1)

    def forward(self, x: Tensor, width: int, kernel: int) -> Tensor:
        first = (KERNELS[-1] - kernel) // 2
        weight = self.wide.weight[:width, :, first : first + kernel, first : first + kernel].contiguous()
        norm = self.norm
        y = functional.conv2d(x, weight, padding=kernel // 2)
        means, variances = norm.running_mean[:width], norm.running_var[:width]
        norm.num_batches_tracked.add_(1)
        y = functional.batch_norm(y, means, variances, norm.weight[:width], norm.bias[:width], training=True)
        weight = self.back.weight[:, :width].contiguous()
        return x + functional.conv2d(functional.relu(y), weight, self.back.bias)


class SlicedNetwork(nn.Module):
    """Residual blocks whose widths and kernels are parts of the largest."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.stem = stem()
        self.body = nn.ModuleList([Sliced() for _ in range(count)])
        self.head = Classifier()
        self.shapes: Sequence[tuple[int, int]] = [(WIDTHS[0], KERNELS[0])] * count

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block, (width, kernel) in zip(self.body, self.shapes, strict=True):
            x = block(x, width, kernel)
        return self.head(x)
