"""Networks of kornia: local features, edges, super-resolution and image classification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zoo.model import ZooModel, images, published

IMPORTS = ("kornia.feature",)


def models() -> Iterator[ZooModel]:
    """Those whose `forward` takes a batch of images."""
    for name in ("HardNet", "HyNet", "SOSNet", "TFeat"):
        yield published(f"kornia.feature:{name}", images(32, channels=1), pretrained=False)
    yield published("kornia.feature:KeyNet", images(32, channels=1), pretrained=False)
    yield published("kornia.models.dexined:DexiNed", images(64), pretrained=False)
    dense: dict[str, Any] = {"num_in_ch": 3, "num_out_ch": 3, "num_feat": 8, "num_block": 2, "num_grow_ch": 4}
    yield published("kornia.models.rrdbnet:RRDBNet", images(16), **dense)
    yield published("kornia.models.small_sr:SmallSRNet", images(16, channels=1), upscale_factor=2, pretrained=False)
    stages: dict[str, Any] = {"embed_dims": (8, 16, 16, 32), "depths": (1, 1, 2, 1), "num_heads": (1, 2, 2, 4)}
    yield published("kornia.models.tiny_vit:TinyViT", images(64), img_size=64, **stages, window_sizes=(2, 2, 4, 2))
    vit: dict[str, Any] = {"image_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 4}
    yield published("kornia.models.vit:VisionTransformer", images(32), **vit)
    yield published("kornia.models.vit_mobile:MobileViT", images(64))
