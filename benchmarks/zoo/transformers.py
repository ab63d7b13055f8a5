"""Models of Hugging Face transformers, of random weights and small configurations.

One `AutoModel` for each model type. Sizes that the type's configuration knows are set to those of `SIZES`; key/value
caches, which only generation needs, are off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import nn
from zoo.model import BATCH, VOCABULARY, Inputs, ZooModel, tokens

IMPORTS = ("transformers.models.auto.modeling_auto",)

SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "use_cache": False,
}
SEQ2SEQ: dict[str, Any] = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
}
T5: dict[str, Any] = {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_decoder_layers": 2, "num_heads": 4}
PATCHES: dict[str, Any] = {"image_size": 32, "patch_size": 8}
SPEECH: dict[str, Any] = {
    "conv_dim": (32, 32),
    "conv_stride": (4, 4),
    "conv_kernel": (8, 8),
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}
STAGES: dict[str, Any] = {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 2, 1], "num_hidden_layers": None}
WINDOWS: dict[str, Any] = {
    "image_size": 32,
    "patch_size": 2,
    "embed_dim": 16,
    "depths": [1, 2],
    "num_heads": [2, 4],
    "window_size": 4,
    "num_attention_heads": None,
    "hidden_size": None,
}
PYRAMID: dict[str, Any] = {
    "hidden_sizes": [8, 16, 16, 32],
    "depths": [1, 1, 1, 1],
    "num_attention_heads": [1, 2, 2, 4],
}

TEXT = """
    albert bert big_bird bloom canine convbert ctrl deberta distilbert electra falcon fnet gemma2 gpt2 gpt_neox gpt_oss
    ibert lfm2 llama longformer mamba mistral mixtral mobilebert modernbert mpnet mpt nystromformer opt phi qwen3
    roberta roformer rwkv xlm yoso
"""
TRANSLATION = "bart led m2m_100 pegasus_x"
T5_KIND = "longt5 switch_transformers t5"
VISION = "beit clip_vision_model deit dinov2 dinov3_vit siglip_vision_model vit vit_mae vit_msn vitdet"
AUDIO = "hubert sew-d wav2vec2 wav2vec2-conformer wavlm"

# Those whose configuration needs words of its own, by the side of the image that they take.
CONVOLUTIONAL: dict[str, tuple[int, dict[str, Any]]] = {
    "bit": (32, {**STAGES, "embedding_size": 8, "num_groups": 4}),
    "convnext": (64, STAGES),
    "convnextv2": (64, STAGES),
    "cvt": (64, {"embed_dim": [8, 16, 32], "num_heads": [1, 2, 4], "depth": [1, 2, 3], "num_hidden_layers": None}),
    "efficientnet": (64, {"width_coefficient": 0.5, "depth_coefficient": 0.5, "hidden_dim": 640}),
    "focalnet": (
        32,
        {"image_size": 32, "embed_dim": 16, "depths": [1, 1], "focal_levels": [2, 2], "focal_windows": [3, 3]},
    ),
    "hgnet_v2": (64, {}),
    "hiera": (32, {"image_size": [32, 32], "embed_dim": 8, "depths": [1, 1, 1, 1], "num_heads": [1, 2, 4, 8]}),
    "levit": (
        64,
        {"image_size": 64, "hidden_sizes": [16, 32, 48], "num_attention_heads": [2, 4, 6], "depths": [1, 1, 1]},
    ),
    "mobilenet_v2": (64, {"depth_multiplier": 0.35}),
    "mobilevit": (64, {"image_size": 64}),
    "mobilevitv2": (64, {"image_size": 64, "width_multiplier": 0.5}),
    "poolformer": (64, STAGES),
    "pvt_v2": (64, {**PYRAMID, "image_size": 64}),
    "regnet": (64, {**STAGES, "embedding_size": 8, "groups_width": 8}),
    "resnet": (64, {**STAGES, "embedding_size": 8}),
    "segformer": (64, PYRAMID),
    "swiftformer": (64, {"image_size": 64, "embed_dims": [8, 16, 16, 32], "depths": [1, 1, 1, 1]}),
    "swin": (32, WINDOWS),
    "swinv2": (32, WINDOWS),
    "textnet": (64, {}),
    "yolos": (32, {"image_size": [32, 32], "patch_size": 8}),
}


def _build(model_type: str, overrides: dict[str, Any]) -> nn.Module:
    transformers: Any = import_module("transformers")
    transformers.logging.set_verbosity_error()
    configuration = transformers.CONFIG_MAPPING[model_type]
    known = configuration()
    chosen = {name: value for name, value in SIZES.items() if hasattr(known, name)} | overrides
    arguments = {name: value for name, value in chosen.items() if value is not None}
    model: nn.Module = transformers.AutoModel.from_config(configuration(**arguments))
    return model


def _text() -> Inputs:
    return {"input_ids": tokens()}


def _translation() -> Inputs:
    return {"input_ids": tokens(), "decoder_input_ids": tokens(8)}


def _speech() -> Inputs:
    return {"input_values": torch.randn(BATCH, 800)}


def _pixels(size: int) -> Callable[[], Inputs]:
    return lambda: {"pixel_values": torch.randn(BATCH, 3, size, size)}


def models() -> Iterator[ZooModel]:
    """Language models, encoders of text, translation, vision and speech."""
    kinds: tuple[tuple[str, Callable[[], Inputs], dict[str, Any]], ...] = (
        (TEXT, _text, {}),
        (TRANSLATION, _translation, SEQ2SEQ),
        (T5_KIND, _translation, T5),
        (VISION, _pixels(32), PATCHES),
        (AUDIO, _speech, SPEECH),
    )
    for names, inputs, overrides in kinds:
        for name in names.split():
            yield ZooModel(name, partial(_build, name, overrides), inputs)
    for name, (size, overrides) in CONVOLUTIONAL.items():
        yield ZooModel(name, partial(_build, name, overrides), _pixels(size))
