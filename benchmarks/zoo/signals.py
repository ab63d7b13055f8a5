"""Models of images, video, tables, point clouds and graphs from small packages, and from PyTorch Geometric."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from zoo.model import Inputs, ZooModel, images, normal, published

IMPORTS = ("torch_geometric.nn.models",)

VIT: dict[str, Any] = {"image_size": 32, "patch_size": 8, "num_classes": 5, "dim": 32, "depth": 2}
GRAPH: dict[str, Any] = {"in_channels": 8, "hidden_channels": 16, "num_layers": 2, "out_channels": 3}
VIDEO = normal((2, 4, 3, 32, 32))


def models() -> Iterator[ZooModel]:
    """One or two for each package."""
    yield from _images()
    yield from _tables()
    yield from _graphs()


def _images() -> Iterator[ZooModel]:
    stack: dict[str, Any] = {"dim": 16, "fmap_size": 8, "dim_out": 32, "num_layers": 2, "heads": 2, "dim_head": 8}
    yield published("bottleneck_transformer_pytorch:BottleStack", normal((2, 16, 8, 8)), **stack, proj_factor=2)
    yield published("g_mlp_pytorch:gMLPVision", images(32), **VIT)
    halo: dict[str, Any] = {"dim": 16, "block_size": 4, "halo_size": 2, "dim_head": 8, "heads": 2}
    yield published("halonet_pytorch:HaloAttention", normal((2, 16, 8, 8)), **halo)
    yield published("lambda_networks:LambdaLayer", normal((2, 16, 8, 8)), dim=16, dim_k=8, r=3, heads=2)
    yield published("mlp_mixer_pytorch:MLPMixer", images(32), channels=3, **VIT)
    latents: dict[str, Any] = {"num_latents": 8, "latent_dim": 32, "latent_heads": 2, "latent_dim_head": 16}
    bands: dict[str, Any] = {"num_freq_bands": 4, "max_freq": 10.0, "depth": 2, "num_classes": 5}
    yield published("perceiver_pytorch:Perceiver", normal((2, 8, 8, 3)), **latents, **bands)
    yield published("perceiver_pytorch:PerceiverIO", normal((2, 12, 32)), **latents, depth=2, dim=32, queries_dim=32)
    yield published("res_mlp_pytorch:ResMLP", images(32), **VIT)
    pyramid: dict[str, Any] = {"dims": (8, 16, 16, 32), "heads": (1, 2, 2, 4), "decoder_dim": 16}
    yield published("segformer_pytorch:Segformer", images(64), **pyramid)
    space: dict[str, Any] = {"space_depth": 1, "space_heads": 2, "space_mlp_dim": 32}
    time: dict[str, Any] = {"time_depth": 1, "time_heads": 2, "time_mlp_dim": 32, "num_frames": 4}
    yield published("stam_pytorch:STAM", VIDEO, **_without_depth(), **space, **time)
    yield published("timesformer_pytorch:TimeSformer", VIDEO, **VIT, num_frames=4, heads=2, dim_head=16)
    yield published("uformer_pytorch:Uformer", images(32), dim=8, stages=2, window_size=4, heads=2, dim_head=8)
    unet: dict[str, Any] = {"num_encoding_blocks": 2, "out_channels_first_layer": 4, "padding": 1}
    yield published("unet:UNet2D", images(32, channels=1), **unet)
    yield published("unet:UNet3D", normal((1, 1, 16, 16, 16)), **unet)
    conv: dict[str, Any] = {"dims": (8, 16, 32, 32), "depths": (1, 1, 1, 1), "dim_head": 8}
    yield published("uniformer_pytorch:Uniformer", normal((2, 3, 4, 64, 64)), **conv, num_classes=5)
    scales: dict[str, Any] = {"dim": 8, "dim_mults": (1, 2), "attn_heads": 2, "attn_dim_head": 8}
    depths: dict[str, Any] = {name: (1, 1) for name in ("num_blocks_per_stage", "num_self_attn_per_stage")}
    yield published("x_unet:XUnet", images(16), **scales, **depths, nested_unet_depths=(1, 0), nested_unet_dim=8)


def _without_depth() -> dict[str, Any]:
    return {name: value for name, value in VIT.items() if name != "depth"}


def _tables() -> Iterator[ZooModel]:
    rows: Callable[[], Inputs] = lambda: (torch.randint(0, 4, (8, 3)), torch.randn(8, 5))  # noqa: E731
    columns: dict[str, Any] = {"categories": (4, 4, 4), "num_continuous": 5, "dim": 16, "depth": 2, "heads": 2}
    yield published("tab_transformer_pytorch:FTTransformer", rows, **columns)
    yield published(
        "pytorch_tabnet.tab_network:TabNet",
        normal((8, 5)),
        input_dim=5,
        output_dim=2,
        group_attention_matrix=torch.eye(5),
    )
    table = normal((8, 5))
    plain: dict[str, Any] = {"d_in": 5, "d_out": 2, "n_blocks": 2, "d_block": 16}
    yield published("rtdl_revisiting_models:MLP", table, **plain, dropout=0.1)
    residual: dict[str, Any] = {"d_hidden_multiplier": 2.0, "dropout1": 0.1, "dropout2": 0.1}
    yield published("rtdl_revisiting_models:ResNet", table, **plain, **residual)


def _graphs() -> Iterator[ZooModel]:
    def graph() -> Inputs:
        return {"x": torch.randn(10, 8), "edge_index": torch.randint(0, 10, (2, 30))}

    for name in ("EdgeCNN", "GAT", "GCN", "GIN", "GraphSAGE"):
        yield published(f"torch_geometric.nn.models:{name}", graph, **GRAPH)
    pooled: dict[str, Any] = {"in_channels": 8, "hidden_channels": 16, "out_channels": 3, "depth": 2}
    yield published("torch_geometric.nn.models:GraphUNet", graph, **pooled)
    yield published("torch_geometric.nn.models:LINKX", graph, **GRAPH, num_nodes=10)
    cloud: Callable[[], Inputs] = lambda: (torch.randint(0, 5, (2, 8)), torch.randn(2, 8, 3))  # noqa: E731
    yield published("egnn_pytorch:EGNN_Network", cloud, depth=2, dim=16, num_tokens=5, num_nearest_neighbors=3)
