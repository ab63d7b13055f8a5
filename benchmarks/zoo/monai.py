"""Networks of MONAI for medical images, in their two-dimensional form where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from zoo.model import Inputs, ZooModel, images, normal, published, text

IMPORTS = ("monai.networks.nets",)

SMALL = images(32, channels=1)
LARGE = images(64, channels=1)

CODEC: dict[str, Any] = {"channels": (4, 8), "strides": (2, 2)}
IMAGE: dict[str, Any] = {"spatial_dims": 2, "in_channels": 1, "out_channels": 1}
TWO_CLASSES: dict[str, Any] = {**IMAGE, "out_channels": 2}
UNET: dict[str, Any] = {**TWO_CLASSES, "channels": (4, 8, 16), "strides": (2, 2)}
VIT: dict[str, Any] = {
    "in_channels": 1,
    "img_size": (32, 32),
    "hidden_size": 32,
    "mlp_dim": 48,
    "num_heads": 4,
    "spatial_dims": 2,
}
LATENT: dict[str, Any] = {
    **IMAGE,
    "channels": (8, 8),
    "attention_levels": (False, True),
    "num_res_blocks": 1,
    "norm_num_groups": 4,
}


def _net(name: str, inputs: Callable[[], Inputs], /, **arguments: Any) -> ZooModel:
    return published(f"monai.networks.nets:{name}", inputs, **arguments)


def models() -> Iterator[ZooModel]:
    """About forty of them: U-shapes, classifiers, autoencoders, transformers, registration and diffusion."""
    yield from _segmentation()
    yield from _classification()
    yield from _generation()
    yield from _registration()
    yield from _transformers()


def _segmentation() -> Iterator[ZooModel]:
    features = (8, 8, 16, 16, 32, 8)
    yield _net("AHNet", images(128, 1), spatial_dims=2, layers=(1, 1, 1, 1), upsample_mode="bilinear")
    yield _net("AttentionUnet", SMALL, **UNET)
    yield _net("BasicUNet", SMALL, **TWO_CLASSES, features=features)
    yield _net("BasicUNet", normal((1, 1, 32, 32, 32)), variant="3d", features=(4, 4, 8, 8, 8, 4))
    yield _net("BasicUNetPlusPlus", SMALL, **TWO_CLASSES, features=features)
    dynamic: dict[str, Any] = {"kernel_size": (3,) * 3, "strides": (1, 2, 2), "upsample_kernel_size": (2, 2)}
    yield _net("DynUNet", SMALL, **TWO_CLASSES, **dynamic, filters=(4, 8, 16))
    supervised: dict[str, Any] = {"deep_supervision": True, "deep_supr_num": 1}
    yield _net("DynUNet", SMALL, variant="deep", **TWO_CLASSES, **dynamic, **supervised, filters=(4, 8, 16))
    decoder = (32, 16, 8, 8, 4)
    yield _net(
        "FlexibleUNet", LARGE, in_channels=1, out_channels=2, backbone="efficientnet-b0", decoder_channels=decoder
    )
    yield _net("HighResNet", SMALL, **TWO_CLASSES)
    yield _net("MedNeXt", SMALL, **TWO_CLASSES, init_filters=8, kernel_size=3, blocks_bottleneck=1)
    yield _net("Quicknat", SMALL, num_classes=3, num_filters=8)
    yield _net("SegResNet", SMALL, **TWO_CLASSES, init_filters=8)
    yield _net("SegResNetDS", SMALL, **TWO_CLASSES, init_filters=8, blocks_down=(1, 1, 1), dsdepth=2)
    yield _net("SegResNetVAE", SMALL, **TWO_CLASSES, input_image_size=(32, 32), vae_nz=8)
    yield _net("UNet", SMALL, **UNET, num_res_units=2)
    yield _net("UNet", SMALL, variant="plain", **UNET, num_res_units=0)
    yield _net("VNet", SMALL, **TWO_CLASSES)


def _classification() -> Iterator[ZooModel]:
    yield _net("Classifier", SMALL, in_shape=(1, 32, 32), classes=3, **CODEC)
    yield _net("Critic", SMALL, in_shape=(1, 32, 32), **CODEC)
    yield _net("DenseNet", SMALL, **TWO_CLASSES, init_features=8, growth_rate=4, block_config=(2, 2))
    yield _net("EfficientNetBN", LARGE, model_name="efficientnet-b0", pretrained=False, spatial_dims=2, in_channels=1)
    yield _net("FullyConnectedNet", normal((2, 8)), in_channels=8, out_channels=2, hidden_channels=(8, 8))
    scales: dict[str, Any] = {"num_d": 2, "num_layers_d": 2, "spatial_dims": 2, "channels": 8, "in_channels": 1}
    yield _net("MultiScalePatchDiscriminator", LARGE, **scales)
    yield _net("Regressor", SMALL, in_shape=(1, 32, 32), out_shape=(2,), **CODEC)
    residual: dict[str, Any] = {"layers": [1] * 4, "block_inplanes": [4, 8, 16, 32], "spatial_dims": 2}
    yield _net("ResNet", SMALL, block="bottleneck", n_input_channels=1, **residual)
    yield _net("SEResNet50", LARGE, spatial_dims=2, in_channels=1, num_classes=3)


def _generation() -> Iterator[ZooModel]:
    yield _net("AutoEncoder", SMALL, **IMAGE, **CODEC, inter_channels=[8])
    yield _net("AutoencoderKL", SMALL, **LATENT, latent_channels=4)
    noise: Callable[[], Inputs] = lambda: (torch.randn(2, 1, 32, 32), torch.tensor([3, 7]))  # noqa: E731
    yield _net("DiffusionModelUNet", noise, **LATENT, num_head_channels=8)
    yield _net("Generator", normal((2, 8)), latent_shape=(8,), start_shape=(4, 4, 4), channels=(8, 4), strides=(2, 2))
    refine: dict[str, Any] = {"in_channels": 1, "out_channels": 1, "dim": 8, "num_refinement_blocks": 1}
    yield published("monai.networks.nets.restormer:Restormer", SMALL, **refine)
    labels = normal((2, 3, 32, 32), (2, 1, 32, 32))
    spade: dict[str, Any] = {"label_nc": 3, "input_shape": [32, 32], "z_dim": 4, "spade_intermediate_channels": 8}
    yield _net("SPADENet", labels, **IMAGE, **spade, channels=[8, 4])
    yield _net("VarAutoEncoder", SMALL, spatial_dims=2, in_shape=(1, 32, 32), out_channels=1, latent_size=4, **CODEC)
    blocks: dict[str, Any] = {"channels": (8, 8), "num_res_layers": 1, "num_res_channels": (8, 8), "embedding_dim": 8}
    steps: dict[str, Any] = {
        "downsample_parameters": ((2, 4, 1, 1),) * 2,
        "upsample_parameters": ((2, 4, 1, 1, 0),) * 2,
    }
    yield _net("VQVAE", SMALL, **IMAGE, **blocks, **steps, ddp_sync=False)


def _registration() -> Iterator[ZooModel]:
    plane: dict[str, Any] = {"spatial_dims": 2, "in_channels": 1, "num_channel_initial": 4}
    yield _net("GlobalNet", SMALL, image_size=[32, 32], depth=2, **plane)
    yield _net("LocalNet", SMALL, out_channels=2, extract_levels=(0, 1, 2), **plane)
    yield _net("VoxelMorph", normal((1, 1, 64, 64), (1, 1, 64, 64)), spatial_dims=2)


def _transformers() -> Iterator[ZooModel]:
    decoder: dict[str, Any] = {"attn_layers_dim": 32, "attn_layers_depth": 2, "attn_layers_heads": 4}
    yield _net("DecoderOnlyTransformer", text(), num_tokens=99, max_seq_len=16, **decoder)
    masked: dict[str, Any] = {f"decoder_{name}": VIT[name] for name in ("hidden_size", "mlp_dim", "num_heads")}
    yield _net("MaskedAutoEncoderViT", SMALL, **VIT, **masked, num_layers=2, decoder_num_layers=1, patch_size=8)
    windows: dict[str, Any] = {"feature_size": 12, "num_heads": (1, 1, 2, 2), "depths": (1, 1, 1, 1)}
    yield _net("SwinUNETR", LARGE, **TWO_CLASSES, **windows)
    yield _net("UNETR", SMALL, **VIT, out_channels=2, feature_size=8)
    yield _net("ViT", SMALL, **VIT, patch_size=8, num_layers=2, classification=True)
    yield _net("ViTAutoEnc", SMALL, **VIT, patch_size=4, num_layers=2)
