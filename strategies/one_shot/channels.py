"""Which dimensions of a layer's inputs and outputs are its channels, whose number its arguments say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.instancenorm import _InstanceNorm


@dataclass(frozen=True, slots=True)
class Channels:
    """Where the channels of a layer are.

    Attributes:
        first: the first dimension of the channels, in inputs and outputs alike; negative from the end.
        widths: for the names of the first inputs, in order, the sizes of their channels from that dimension on.
        count: how many dimensions are channels.
    """

    first: int
    widths: Mapping[str, tuple[int, ...]]
    count: int = 1

    def leading(self, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """The inputs, by position and by name, with as many leading channels as the layer takes."""
        in_order = list(self.widths.values())[: len(inputs)]
        by_position = [self._part(value, widths) for value, widths in zip(inputs, in_order, strict=False)]
        by_name = {name: self._part(value, self.widths.get(name, ())) for name, value in named.items()}
        return [*by_position, *inputs[len(in_order) :]], by_name

    def _part(self, value: Any, widths: tuple[int, ...]) -> Any:
        if not isinstance(value, Tensor):
            return value
        for dimension, width in enumerate(widths, self.first):
            if value.shape[dimension] > width:
                value = value.narrow(dimension, 0, width)
        return value

    def dimensions(self, tensor: Tensor) -> range:
        """The dimensions of a tensor that are channels, counted from the front."""
        first = self.first % tensor.dim() if tensor.dim() else 0
        return range(first, min(first + self.count, tensor.dim()))


_NONE = Channels(0, {}, 0)
Row: TypeAlias = tuple[type[nn.Module], Callable[[Any], Channels]]
_ROWS: tuple[Row, ...] = (
    (_ConvNd, lambda layer: Channels(-1 - len(layer.kernel_size), {"input": (layer.in_channels,)})),
    (_InstanceNorm, lambda layer: Channels(-layer._get_no_batch_dim(), {"input": (layer.num_features,)})),
    (_NormBase, lambda layer: Channels(1, {"input": (layer.num_features,)})),
    (nn.GroupNorm, lambda layer: Channels(1, {"input": (layer.num_channels,)})),
    (nn.PReLU, lambda layer: Channels(1, {"input": (layer.num_parameters,)}) if layer.num_parameters > 1 else _NONE),
    (nn.Linear, lambda layer: Channels(-1, {"input": (layer.in_features,)})),
    (nn.Bilinear, lambda layer: Channels(-1, {"input1": (layer.in1_features,), "input2": (layer.in2_features,)})),
    (nn.LayerNorm, lambda layer: _trailing("input", layer.normalized_shape)),
    (nn.RMSNorm, lambda layer: _trailing("x", layer.normalized_shape)),
    (nn.Embedding, lambda layer: Channels(-1, {})),
    (nn.EmbeddingBag, lambda layer: Channels(-1, {})),
    (nn.RNNBase, lambda layer: Channels(-1, {"input": (layer.input_size,)})),
    (nn.RNNCellBase, lambda layer: Channels(-1, {"input": (layer.input_size,), "hx": (layer.hidden_size,)})),
    (nn.MultiheadAttention, lambda layer: _attended(layer, "query", "key", "value")),
    (nn.Transformer, lambda layer: Channels(-1, {"src": (layer.d_model,), "tgt": (layer.d_model,)})),
    (nn.TransformerEncoderLayer, lambda layer: _attended(layer.self_attn, "src")),
    (nn.TransformerDecoderLayer, lambda layer: _attended(layer.self_attn, "tgt", "memory")),
)
"""By class where the channels are. Other layers have none: what they are made with does not say how wide they are."""


def channels_of(layer: nn.Module) -> Channels:
    """Where the channels of a plain layer are."""
    return next((row(layer) for cls, row in _ROWS if isinstance(layer, cls)), _NONE)


def _trailing(name: str, shape: tuple[int, ...]) -> Channels:
    return Channels(-len(shape), {name: tuple(shape)}, len(shape))


def _attended(layer: nn.MultiheadAttention, *names: str) -> Channels:
    sizes = (layer.embed_dim, layer.kdim, layer.vdim)
    return Channels(-1, {name: (size,) for name, size in zip(names, sizes, strict=False)})
