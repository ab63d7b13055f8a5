"""The two networks that speed is measured on, as ordinary modules and as spaces."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F

from retiarii import ModelSpace, nn

STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""MobileNetV2's expansion, channels, blocks and stride of each stage (Sandler et al. 2018, table 2)."""


class Residual(nn.Module):
    def __init__(self, before: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = None
        if stride != 1 or before != channels:
            self.shortcut = nn.Sequential(nn.Conv2d(before, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += x if self.shortcut is None else self.shortcut(x)
        return self.relu(y)


class ResNet18(nn.Module):
    """He et al. 2015, table 1: 71 steps."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True))
        self.pool = nn.MaxPool2d(3, 2, 1)
        widths = (64, 64, 64, 128, 128, 256, 256, 512, 512)
        self.body = nn.Sequential(*[Residual(a, b, 1 if a == b else 2) for a, b in itertools.pairwise(widths)])
        self.head = nn.Linear(512, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.body(self.pool(self.stem(x)))
        return self.head(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class Inverted(nn.Module):
    def __init__(self, before: int, channels: int, stride: int, expansion: int, kernel: object) -> None:
        super().__init__()
        hidden = before * expansion
        layers = [nn.Conv2d(before, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6(inplace=True)]
        self.expand = nn.Sequential(*layers) if expansion != 1 else nn.Identity()
        self.depthwise = nn.Conv2d(hidden, hidden, kernel, stride, kernel // 2, groups=hidden, bias=False)  # type: ignore[operator]
        self.norm = nn.BatchNorm2d(hidden)
        self.act = nn.ReLU6(inplace=True)
        self.project = nn.Conv2d(hidden, channels, 1, bias=False)
        self.last = nn.BatchNorm2d(channels)
        self.is_residual = stride == 1 and before == channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.last(self.project(self.act(self.norm(self.depthwise(self.expand(x))))))
        return x + y if self.is_residual else y


def blocks(kernel: object) -> list[nn.Module]:
    """The inverted residual blocks; `kernel(i)` is the kernel size of the i-th."""
    made: list[nn.Module] = []
    before = 32
    for expansion, channels, count, stride in STAGES:
        for index in range(count):
            size = kernel(len(made))  # type: ignore[operator]
            made.append(Inverted(before, channels, stride if index == 0 else 1, expansion, size))
            before = channels
    return made


class MobileNetV2(nn.Module):
    """157 steps."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU6(inplace=True))
        self.body = nn.Sequential(*blocks(lambda index: 3))
        self.top = nn.Sequential(nn.Conv2d(320, 1280, 1, bias=False), nn.BatchNorm2d(1280), nn.ReLU6(inplace=True))
        self.head = nn.Linear(1280, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.top(self.body(self.stem(x))).mean((2, 3)))


class MobileSpace(ModelSpace):
    """MobileNetV2 with a choice of kernel size in each block, and a choice of the activation at the top."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU6(inplace=True))
        self.body = nn.Sequential(*blocks(lambda index: nn.ValueChoice([3, 5, 7], label=f"kernel{index}")))
        self.top = nn.Sequential(nn.Conv2d(320, 1280, 1, bias=False), nn.BatchNorm2d(1280))
        self.act = nn.LayerChoice([nn.ReLU6(), nn.Hardswish()], label="act")
        self.head = nn.Linear(1280, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.act(self.top(self.body(self.stem(x)))).mean((2, 3)))
