"""Denoising networks and autoencoders of diffusers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from zoo.model import Inputs, ZooModel, normal, published

IMPORTS = ("diffusers.models.unets.unet_2d_condition", "diffusers.models.autoencoders.autoencoder_kl")

BLOCKS: dict[str, Any] = {"block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4}
HEADS: dict[str, Any] = {"num_attention_heads": 2, "attention_head_dim": 16, "num_layers": 2}


def _net(name: str, inputs: Callable[[], Inputs], /, **arguments: Any) -> ZooModel:
    return published(f"diffusers:{name}", inputs, **arguments)


def _noisy(**others: tuple[int, ...]) -> Callable[[], Inputs]:
    """A noisy latent image, its time step, and other normally distributed tensors by keyword."""

    def inputs() -> Inputs:
        return {"timestep": torch.tensor([3, 7])} | {name: torch.randn(shape) for name, shape in others.items()}

    return inputs


def models() -> Iterator[ZooModel]:
    """One of each of the better known architectures."""
    encoder: dict[str, Any] = {
        "down_block_types": ("DownEncoderBlock2D",) * 2,
        "up_block_types": ("UpDecoderBlock2D",) * 2,
    }
    yield _net("AutoencoderKL", normal((2, 3, 16, 16)), **encoder, **BLOCKS)
    yield _net("VQModel", normal((2, 3, 16, 16)), **encoder, **BLOCKS, num_vq_embeddings=16)
    tiny: dict[str, Any] = {f"{side}_block_out_channels": (8, 8) for side in ("encoder", "decoder")}
    yield _net("AutoencoderTiny", normal((2, 3, 16, 16)), **tiny, num_encoder_blocks=(1, 1), num_decoder_blocks=(1, 1))
    attention: dict[str, Any] = {
        "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
        "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
    }
    yield _net("UNet2DModel", _noisy(sample=(2, 3, 16, 16)), sample_size=16, **attention, **BLOCKS)
    cross: dict[str, Any] = {
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
        "cross_attention_dim": 16,
    }
    prompted = _noisy(sample=(2, 4, 16, 16), encoder_hidden_states=(2, 5, 16))
    yield _net("UNet2DConditionModel", prompted, sample_size=16, **cross, **BLOCKS, attention_head_dim=4)
    yield _net(
        "UNet1DModel", _noisy(sample=(2, 2, 64)), sample_size=64, block_out_channels=(32, 32, 32), extra_in_channels=64
    )
    yield from _transformers()


def _transformers() -> Iterator[ZooModel]:
    prompted = _noisy(hidden_states=(2, 4, 8, 8), encoder_hidden_states=(2, 5, 32))
    labelled: Callable[[], Inputs] = lambda: {  # noqa: E731
        "hidden_states": torch.randn(2, 4, 8, 8),
        "timestep": torch.tensor([3, 7]),
        "class_labels": torch.tensor([0, 1]),
    }
    yield _net("DiTTransformer2DModel", labelled, **HEADS, sample_size=8, num_embeds_ada_norm=8, norm_num_groups=4)
    pixart: dict[str, Any] = {"cross_attention_dim": 32, "caption_channels": 32, "norm_num_groups": 4}
    yield _net("PixArtTransformer2DModel", prompted, **HEADS, **pixart, sample_size=8, use_additional_conditions=False)
    prior = _noisy(hidden_states=(2, 32), proj_embedding=(2, 32), encoder_hidden_states=(2, 5, 32))
    yield _net("PriorTransformer", prior, **HEADS, embedding_dim=32, num_embeddings=5)
    pooled = _noisy(hidden_states=(2, 4, 8, 8), encoder_hidden_states=(2, 5, 32), pooled_projections=(2, 16))
    joint: dict[str, Any] = {"joint_attention_dim": 32, "caption_projection_dim": 32, "pooled_projection_dim": 16}
    channels: dict[str, Any] = {"in_channels": 4, "out_channels": 4, "pos_embed_max_size": 8}
    yield _net("SD3Transformer2DModel", pooled, **HEADS, **joint, **channels, sample_size=8)
    rotary: dict[str, Any] = {"axes_dims_rope": (4, 4, 8), "joint_attention_dim": 32, "pooled_projection_dim": 16}
    packed = _noisy(
        hidden_states=(2, 16, 4),
        encoder_hidden_states=(2, 5, 32),
        pooled_projections=(2, 16),
        img_ids=(16, 3),
        txt_ids=(5, 3),
    )
    yield _net("FluxTransformer2DModel", packed, **HEADS, **rotary, in_channels=4, num_single_layers=1)
