"""Vision transformers of vit-pytorch: one file of the package for each paper."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from torch import nn
from zoo.model import Inputs, ZooModel, images, normal, published

IMPORTS = ("einops",)

SIMPLE: dict[str, Any] = {
    "image_size": 32,
    "patch_size": 8,
    "num_classes": 5,
    "dim": 32,
    "depth": 2,
    "heads": 2,
    "mlp_dim": 48,
    "dim_head": 16,
}
VIDEO: dict[str, Any] = {"image_patch_size": 8, "frames": 4, "frame_patch_size": 2}

# Files whose only class takes exactly the arguments of the simple ones.
FILES = """
    deepvit:DeepViT jumbo_vit:JumboViT normalized_vit:nViT parallel_vit:ViT rvt:RvT simple_uvit:SimpleUViT
    simple_vit:SimpleViT simple_vit_with_patch_dropout:SimpleViT simple_vit_with_register_tokens:SimpleViT vit:ViT
    vit_for_small_dataset:ViT vit_with_patch_merger:ViT
"""


def _without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in SIMPLE.items() if name not in names}


def models() -> Iterator[ZooModel]:
    """Those that need no torchvision."""
    for path in FILES.split():
        yield _vit(path, images(32), **SIMPLE)
    yield _vit("ats_vit:ViT", images(32), **SIMPLE, max_tokens_per_depth=(16, 8))
    yield _vit("cait:CaiT", images(32), **SIMPLE, cls_depth=1)
    yield _vit("cct:cct_2", images(32), img_size=32, num_classes=5)
    yield _vit("cross_vit:CrossViT", images(48), image_size=48, num_classes=5, sm_dim=16, lg_dim=32, depth=1)
    stages: dict[str, Any] = {"num_classes": 5, "depth": (1, 1, 1, 1)}
    yield _vit("crossformer:CrossFormer", images(64), **stages, dim=(32, 32, 64, 64), local_window_size=2)
    widths: dict[str, Any] = {"s1_emb_dim": 8, "s2_emb_dim": 16, "s3_emb_dim": 32, "s3_depth": 1}
    yield _vit("cvt:CvT", images(32), num_classes=5, **widths)
    levit: dict[str, Any] = {"dim": (16, 32, 48), "depth": 1, "heads": (2, 2, 3), "mlp_mult": 2}
    yield _vit("levit:LeViT", images(64), image_size=64, num_classes=5, **levit)
    yield _vit("max_vit:MaxViT", images(64), num_classes=5, dim=32, depth=(1, 1), window_size=4)
    yield _vit("mobile_vit:MobileViT", images(64), image_size=(64, 64), num_classes=5, **_mobile())
    nest: dict[str, Any] = {"dim": 16, "heads": 2, "num_hierarchies": 2, "block_repeats": (1, 1)}
    yield _vit("nest:NesT", images(32), image_size=32, patch_size=4, num_classes=5, **nest)
    yield _vit("pit:PiT", images(32), **{**SIMPLE, "depth": (1, 1)})
    yield _vit("regionvit:RegionViT", images(64), **stages, dim=(8, 16, 16, 32), window_size=2)
    separable: dict[str, Any] = {"num_classes": 5, "dim": 16, "depth": (1, 1), "heads": (2, 4)}
    yield _vit("scalable_vit:ScalableViT", images(64), **separable, reduction_factor=(2, 1), window_size=(None, 4))
    yield _vit("simple_vit_1d:SimpleViT", normal((2, 3, 32)), seq_len=32, **_without("image_size"))
    video = normal((2, 3, 4, 32, 32))
    yield _vit("t2t:T2TViT", images(32), **_without("patch_size"))
    twins = {f"s{stage}_{name}": 2 for stage in range(1, 5) for name in ("local_patch_size", "global_k")}
    yield _vit("twins_svt:TwinsSVT", images(64), num_classes=5, s3_depth=1, s4_depth=1, **twins)
    yield _vit("vit_3d:ViT", video, **_without("patch_size"), **VIDEO)
    yield _vit("vivit:ViViT", video, **_without("patch_size", "depth"), **VIDEO, spatial_depth=1, temporal_depth=1)
    yield _vit("xcit:XCiT", images(32), **SIMPLE, cls_depth=1)


def _mobile() -> dict[str, Any]:
    return {"dims": [16, 24, 32], "channels": [8, 8, 16, 16, 16, 16, 24, 24, 32, 32, 64]}


def _vit(path: str, inputs: Callable[[], Inputs], /, **arguments: Any) -> ZooModel:
    file, name = path.split(":")
    model = published(f"vit_pytorch.{path}", inputs, **arguments)

    def build() -> nn.Module:
        _skip_package_imports()
        return model.build()

    return replace(model, name=f"{file}.{name}", build=build)


def _skip_package_imports() -> None:
    """Let files of the package be imported without its `__init__`, whose convenience imports need torchvision."""
    specification = find_spec("vit_pytorch")
    if "vit_pytorch" in sys.modules or specification is None or specification.submodule_search_locations is None:
        return
    package = ModuleType("vit_pytorch")
    package.__path__ = list(specification.submodule_search_locations)
    package.__spec__ = specification
    sys.modules["vit_pytorch"] = package
