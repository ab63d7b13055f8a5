"""The spaces that one-shot steps are measured on."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from one_shot import plain
from one_shot.plain import CHANNELS, KERNELS, WIDTHS, Classifier
from retiarii import ModelSpace, nn


class LayerSpace(ModelSpace):
    """One of several operations, again and again.

    Args:
        count: How often.
        operations: Makes the candidates.
    """

    def __init__(self, count: int, operations: Callable[[], list[nn.Module]] = plain.operations) -> None:
        super().__init__()
        self.stem = plain.stem()
        choices = [nn.LayerChoice(operations(), label=f"operation{index}") for index in range(count)]
        self.body = nn.Sequential(*choices)
        self.head = Classifier()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(self.stem(x)))


class Node(nn.Module):
    """The sum of two earlier outputs, then one to three separable convolutions."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.inputs = nn.InputChoice(index + 2, n_chosen=2, label=f"inputs{index}")
        self.body = nn.Repeat(lambda _: plain.separable(CHANNELS, 3, 1), depth=(1, 3), label=f"depth{index}")

    def forward(self, earlier: list[Tensor]) -> Tensor:
        return self.body(self.inputs(earlier))


class WiringSpace(ModelSpace):
    """Nodes that choose their inputs and their depths."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.first, self.second = plain.stem(), plain.stem()
        self.nodes = nn.ModuleList([Node(index) for index in range(count)])
        self.head = Classifier()

    def forward(self, x: Tensor) -> Tensor:
        outputs = [self.first(x), self.second(x)]
        for node in self.nodes:
            outputs.append(node(outputs))
        return self.head(torch.stack(outputs[2:]).mean(0))


class Block(nn.Module):
    """A convolution of undecided kernel and width, a norm, and a convolution back."""

    def __init__(self, index: int) -> None:
        super().__init__()
        width = nn.ValueChoice(WIDTHS, label=f"width{index}")
        kernel = nn.ValueChoice(KERNELS, label=f"kernel{index}")
        self.wide = nn.Conv2d(CHANNELS, width, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.back = nn.Conv2d(width, CHANNELS, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.back(functional.relu(self.norm(self.wide(x))))


class WidthSpace(ModelSpace):
    """Residual blocks whose widths and kernels are parts of the largest."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.stem = plain.stem()
        self.body = nn.Sequential(*[Block(index) for index in range(count)])
        self.head = Classifier()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(self.stem(x)))
