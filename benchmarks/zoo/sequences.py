"""Sequence models from small packages: attention in its many approximations, state spaces, convolutions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import torch
from torch import nn
from zoo.model import VOCABULARY, Inputs, ZooModel, images, normal, published, text, tokens

IMPORTS = ("x_transformers", "performer_pytorch")

SIZE: dict[str, Any] = {"dim": 32, "depth": 2}
LANGUAGE: dict[str, Any] = {**SIZE, "num_tokens": VOCABULARY}
HEADS: dict[str, Any] = {"heads": 2, "dim_head": 16}
SEQUENCE = normal((2, 12, 32))


def models() -> Iterator[ZooModel]:
    """One for each package."""
    yield published("aft_pytorch:AFTFull", SEQUENCE, max_seqlen=12, dim=32, hidden_dim=16)
    yield published("conformer:Conformer", SEQUENCE, **SIZE, **HEADS, conv_kernel_size=7)
    masked: Callable[[], Inputs] = lambda: (tokens(), torch.ones(2, 12, dtype=torch.bool))  # noqa: E731
    yield published(
        "fast_transformer_pytorch:FastTransformer", masked, **LANGUAGE, **HEADS, max_seq_len=12, absolute_pos_emb=True
    )
    yield published("flash_pytorch:FLASHTransformer", text(), **LANGUAGE, group_size=4, query_key_dim=16)
    yield published("g_mlp_pytorch:gMLP", text(), **LANGUAGE, seq_len=12)
    hourglass: dict[str, Any] = {"num_tokens": VOCABULARY, "dim": 32, "max_seq_len": 12, "shorten_factor": 2}
    yield published(
        "hourglass_transformer_pytorch:HourglassTransformerLM", text(), **hourglass, **HEADS, depth=(1, 2, 1)
    )
    linear: dict[str, Any] = {"max_seq_len": 12, "heads": 2, "causal": True}
    path = "linear_attention_transformer:LinearAttentionTransformerLM"
    yield published(path, text(), **LANGUAGE, **linear, blindspot_size=2, use_axial_pos_emb=False)
    yield published("linformer:LinformerLM", text(), **LANGUAGE, seq_len=12, k=4, heads=2)
    yield ZooModel("Mamba", _mamba, SEQUENCE)
    yield published("nystrom_attention:Nystromformer", SEQUENCE, **SIZE, **HEADS, num_landmarks=4)
    yield published("performer_pytorch:PerformerLM", text(), **LANGUAGE, **HEADS, max_seq_len=12)
    yield published("pytorch_tcn:TCN", normal((2, 4, 12)), num_inputs=4, num_channels=[8, 8], kernel_size=3)
    yield published("reformer_pytorch:ReformerLM", text(16), **LANGUAGE, heads=2, max_seq_len=16, bucket_size=4)
    yield published("siren_pytorch:SirenNet", normal((8, 2)), dim_in=2, dim_hidden=16, dim_out=3, num_layers=3)
    yield from _x_transformers()


def _mamba() -> nn.Module:
    package: Any = import_module("mambapy.mamba")
    model: nn.Module = package.Mamba(package.MambaConfig(d_model=32, n_layers=2))
    return model


def _stack(kind: str, **arguments: Any) -> nn.Module:
    package: Any = import_module("x_transformers")
    stack: nn.Module = getattr(package, kind)(**SIZE, heads=2, attn_dim_head=16, **arguments)
    return stack


def _x_language(kind: str, **arguments: Any) -> nn.Module:
    package: Any = import_module("x_transformers")
    model: nn.Module = package.TransformerWrapper(
        num_tokens=VOCABULARY, max_seq_len=16, attn_layers=_stack(kind, **arguments)
    )
    return model


def _x_vision() -> nn.Module:
    package: Any = import_module("x_transformers")
    model: nn.Module = package.ViTransformerWrapper(
        image_size=32, patch_size=8, num_classes=5, attn_layers=_stack("Encoder")
    )
    return model


def _x_transformers() -> Iterator[ZooModel]:
    modern: dict[str, Any] = {"rotary_pos_emb": True, "use_rmsnorm": True, "ff_glu": True, "attn_qk_norm": True}
    yield ZooModel("x-encoder", lambda: _x_language("Encoder"), text())
    yield ZooModel("x-decoder", lambda: _x_language("Decoder"), text())
    yield ZooModel("x-decoder-modern", lambda: _x_language("Decoder", **modern), text())
    yield ZooModel("x-encoder-alibi", lambda: _x_language("Encoder", alibi_pos_bias=True), text())
    yield ZooModel("x-vision", _x_vision, images(32))
