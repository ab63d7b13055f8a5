"""Networks found by architecture search, from efficientnet_pytorch and geffnet, and the ResNeSt of its authors."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import Any

from torch import nn
from zoo.model import ZooModel, images, published

IMPORTS = ("efficientnet_pytorch", "geffnet", "resnest.torch")

GEFFNET = """
    efficientnet_cc_b0_4e efficientnet_es efficientnet_lite0 fbnetc_100 mixnet_s mnasnet_small mobilenetv3_small_075
    semnasnet_050 spnasnet_100 tf_efficientnet_b0 tf_mobilenetv3_small_minimal_100
"""


def _efficientnet(name: str, memory_efficient: bool) -> nn.Module:
    package: Any = import_module("efficientnet_pytorch")
    model: nn.Module = package.EfficientNet.from_name(name, image_size=64, num_classes=5)
    if not memory_efficient:
        model.set_swish(memory_efficient=False)  # type: ignore[operator]
    return model


def models() -> Iterator[ZooModel]:
    """EfficientNets with either form of their activation, and their ancestors."""
    yield ZooModel("efficientnet-b0", partial(_efficientnet, "efficientnet-b0", True), images(64))
    yield ZooModel("efficientnet-b0-plain-swish", partial(_efficientnet, "efficientnet-b0", False), images(64))
    for name in GEFFNET.split():
        yield published(f"geffnet:{name}", images(64), num_classes=5)
    yield published("resnest.torch:resnest50", images(64), num_classes=5)
