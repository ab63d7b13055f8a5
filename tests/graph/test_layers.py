"""Every layer of `torch.nn` is described so that an equal one can be made."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import is_lazy
from torch.nn.utils import prune
from torch.utils import _pytree as pytree

from retiarii.graph.encoding import encode
from retiarii.graph.layers import canonical_arguments, constructor_parameters, describe_layer
from retiarii.graph.restored import make_module
from retiarii.graph.spec import LayerSpec
from retiarii.graph.values import Named

# --- arguments -----------------------------------------------------------------------------------------------------

CONTAINERS = frozenset(
    ("Container", "DataParallel", "Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential")
)
LAYERS = {
    name: cls
    for name, cls in sorted(vars(nn).items())
    if isinstance(cls, type) and issubclass(cls, nn.Module) and name[0] != "_" and name not in CONTAINERS
}

_BLOCK = {"d_model": 8, "nhead": 2, "dim_feedforward": 12}


def _block(cls: type[Any], **others: Any) -> nn.Module:
    return cls(**_BLOCK, **others)


# What has no default, by name, and by class and name where that differs.
_REQUIRED: dict[str, Any] = {
    **{"in_channels": 4, "out_channels": 6, "kernel_size": 3, "output_size": 2, "padding": 1, "num_features": 4},
    **{"in_features": 4, "out_features": 6, "in1_features": 4, "in2_features": 5, "num_classes": 5, "value": 0.5},
    **{"num_embeddings": 7, "embedding_dim": 4, "input_size": 4, "hidden_size": 6, "threshold": 0.1, "groups": 2},
    **{"num_groups": 2, "num_channels": 4, "normalized_shape": 8, "embed_dim": 8, "num_heads": 2, "size": 3},
    **{"n_classes": 12, "cutoffs": [3, 7], "norm_type": 2.0, "num_layers": 2, "dim": 1, "unflattened_size": (2, 2)},
    **{"upscale_factor": 2, "downscale_factor": 2, "mode": "LSTM", "bias": True, "num_chunks": 4},
    **{"d_model": 8, "nhead": 2},
    "Fold.output_size": (5, 6),
    "Fold.kernel_size": 2,
    "TransformerEncoder.encoder_layer": lambda: _block(nn.TransformerEncoderLayer, batch_first=True),
    "TransformerDecoder.decoder_layer": lambda: _block(nn.TransformerDecoderLayer),
}
# What must be given beside.
_BESIDE: dict[str, dict[str, Any]] = {
    "FractionalMaxPool2d": {"output_size": 4},
    "FractionalMaxPool3d": {"output_size": 3},
    "Transformer": {**_BLOCK, "num_encoder_layers": 1, "num_decoder_layers": 1, "batch_first": True},
    "TransformerDecoderLayer": _BLOCK,
    "TransformerEncoderLayer": _BLOCK,
    "Upsample": {"scale_factor": 2},
    "UpsamplingBilinear2d": {"scale_factor": 2},
    "UpsamplingNearest2d": {"scale_factor": 2},
}
# Something else than the default, or than what `_REQUIRED` says. A dict gives what must be given with it.
_OTHERS: dict[str, list[Any]] = {
    "activation": ["gelu", F.silu, F.gelu],
    "align_corners": [{"align_corners": True, "mode": "bilinear"}],
    "alpha": [0.5],
    "approximate": ["tanh"],
    "beta": [0.5],
    "blank": [1],
    "cutoffs": [[2, 5, 9]],
    "delta": [0.5],
    "dilation": [2],
    "div_value": [2.0],
    "dim": [0],
    "dim_feedforward": [20],
    "distance_function": [F.pairwise_distance, nn.CosineSimilarity()],
    "divisor_override": [3],
    "downscale_factor": [4],
    "dropout": [0.25],
    "decoder_layer": [lambda: nn.TransformerDecoderLayer(8, 4, 6, norm_first=True)],
    "encoder_layer": [lambda: nn.TransformerEncoderLayer(8, 4, 6, norm_first=True)],
    "end_dim": [2],
    "eps": [1e-3],
    "full": [True],
    "groups": [2],
    "ignore_index": [2],
    "init": [0.1],
    "k": [2.0],
    "label_smoothing": [0.1],
    "lambd": [0.2],
    "layer_norm_eps": [1e-3],
    "lower": [0.2],
    "margin": [0.3],
    "max_norm": [0.5],
    "max_val": [0.4],
    "min_val": [-0.4],
    "mode": ["GRU", "RNN_TANH"],
    "momentum": [0.3, None],
    "negative_slope": [0.3],
    "nonlinearity": ["relu"],
    "norm": [lambda: nn.LayerNorm(8)],
    "norm_type": [1.0],
    "num_decoder_layers": [2],
    "num_encoder_layers": [2],
    "num_layers": [3],
    "num_parameters": [4],
    "options": [lambda: nn.modules.linear_cross_entropy_options.LinearCrossEntropyOptions(batch_chunk_size=2)],
    "output_padding": [{"output_padding": 1, "stride": 2}],
    "output_ratio": [{"output_ratio": 0.5, "output_size": None}],
    "p": [0.25],
    "padding_idx": [3],
    "padding_mode": [{"padding_mode": "circular", "padding": 1}],
    "pos_weight": [lambda: torch.tensor([1.0, 2.0, 3.0, 4.0, 0.5])],
    "proj_size": [3],
    "recompute_scale_factor": [{"recompute_scale_factor": True, "scale_factor": 1.5}],
    "reduction": ["sum", "none"],
    "scale_factor": [3, (2.0, 3.0)],
    "size": [5],
    "start_dim": [0],
    "stride": [2],
    "threshold": [0.3],
    "upper": [0.5],
    "upscale_factor": [1],
    "value": [1.5],
    "weight": [lambda: torch.tensor([1.0, 2.0, 3.0, 4.0, 0.5])],
    "Embedding.norm_type": [{"norm_type": 1.0, "max_norm": 0.5}],
    "EmbeddingBag.mode": ["sum", "max"],
    "EmbeddingBag.norm_type": [{"norm_type": 1.0, "max_norm": 0.5}],
    "ChannelShuffle.groups": [4],
    "Fold.output_size": [(6, 6)],
    "GLU.dim": [0],
    "GroupNorm.num_groups": [4],
    "LinearCrossEntropyLoss.out_features": [(2,)],
    "LogSoftmax.dim": [0, -1],
    "MultiMarginLoss.p": [2],
    "MultiheadAttention.kdim": [5],
    "MultiheadAttention.vdim": [6],
    "LPPool1d.kernel_size": [4],
    "LayerNorm.normalized_shape": [(4, 8), [8]],
    "PairwiseDistance.p": [1.0],
    "RMSNorm.normalized_shape": [(4, 8)],
    "Softplus.beta": [2],
    "Softshrink.lambd": [0.1],
    "SyncBatchNorm.process_group": [],
    "Transformer.custom_decoder": [],
    "Transformer.custom_encoder": [],
    "TripletMarginLoss.p": [1.0],
    "Unflatten.dim": [2],
    "Unflatten.unflattened_size": [[4, 1], (1, 4)],
    "Upsample.mode": ["bilinear"],
    "Upsample.size": [{"size": (5, 6), "scale_factor": None}],
    "UpsamplingBilinear2d.size": [{"size": (5, 6), "scale_factor": None}],
    "UpsamplingNearest2d.size": [{"size": 7, "scale_factor": None}],
}
# Sizes, for which twice as much does.
_SIZES = frozenset(
    (
        *("in_channels", "out_channels", "in_features", "out_features", "num_features", "num_classes", "nhead"),
        *("in1_features", "in2_features", "num_embeddings", "embedding_dim", "input_size", "hidden_size", "n_classes"),
        *("num_channels", "normalized_shape", "embed_dim", "num_heads", "d_model", "num_chunks"),
    )
)


def dimensions(name: str) -> int:
    """Over how many dimensions a layer of this name slides; 2 where the name doesn't say."""
    return next((int(digit) for digit in "123" if f"{digit}d" in name), 2)


def required(name: str) -> dict[str, Any]:
    """Arguments that suffice for the layer of this name."""
    known = constructor_parameters(LAYERS[name])
    wanted = [key for key, default in known.items() if default is inspect.Parameter.empty]
    return {key: _REQUIRED.get(f"{name}.{key}", _REQUIRED.get(key)) for key in wanted} | _BESIDE.get(name, {})


def others(name: str, parameter: str) -> list[dict[str, Any]]:
    """Arguments that say something else for one parameter.

    Raises:
        KeyError: nothing is known of it.
    """
    given = required(name).get(parameter)
    default = constructor_parameters(LAYERS[name])[parameter]
    known: list[Any]
    if f"{name}.{parameter}" in _OTHERS:
        known = _OTHERS[f"{name}.{parameter}"]
    elif isinstance(given, bool) or isinstance(default, bool):
        known = [not (default if given is None else given)]
    elif parameter in _SIZES:
        known = [2 * given]
    elif parameter in ("kernel_size", "output_size", "padding"):
        known = _windows(name, parameter)
    elif parameter == "padding_mode" and "Transpose" in name:
        known = []
    else:
        known = _OTHERS[parameter]
    return [other if isinstance(other, dict) else {parameter: other} for other in known]


def _windows(name: str, parameter: str) -> list[Any]:
    count = dimensions(name)
    if "Pad" in name:
        return [tuple(range(1, 2 * count + 1)), 2]
    if parameter == "output_size":
        return [(3,) * count, tuple(range(2, 2 + count))]
    if parameter == "kernel_size":
        return [4, tuple(range(2, 2 + count))]
    mixed = (1,) * (count - 1) + (0,)
    return [1, mixed, "same"] if "Conv" in name and "Transpose" not in name else [1, mixed]


def cases(name: str) -> list[dict[str, Any]]:
    """Arguments for the layer: what suffices, and that with each parameter changed."""
    least = required(name)
    changed = [least | other for key in constructor_parameters(LAYERS[name]) for other in others(name, key)]
    return [least, *changed]


def made(name: str, arguments: dict[str, Any]) -> nn.Module:
    """The layer."""
    layer: nn.Module = LAYERS[name](**{key: _value(value) for key, value in arguments.items()})
    return layer


def _value(value: Any) -> Any:
    return value() if getattr(value, "__name__", "") == "<lambda>" else value


# --- inputs --------------------------------------------------------------------------------------------------------

_IMAGES = {1: (8,), 2: (8, 8), 3: (8, 8, 8)}
# These need several processes, or have no forward.
_UNFIT = (nn.SyncBatchNorm, nn.RNNBase, nn.RNNCellBase)


def inputs(name: str, layer: Any) -> tuple[Any, ...] | None:
    """What the layer takes; None where it can't run by itself."""
    if type(layer) in _UNFIT or isinstance(layer, LazyModuleMixin):
        return None
    made = _SPECIAL.get(name)
    if made is not None:
        return made(layer)
    if name.endswith("Loss") or name == "NLLLoss2d":
        return _LOSSES.get(name, _LOSSES["MSELoss"])()
    channels = getattr(layer, "in_channels", getattr(layer, "num_features", getattr(layer, "num_channels", 4)))
    return (torch.randn(2, channels, *_IMAGES[dimensions(name)]),)


def _sequence(layer: Any) -> tuple[Any, ...]:
    return (torch.randn(2, 3, layer.input_size),)


def _step(layer: Any) -> tuple[Any, ...]:
    return (torch.randn(3, layer.input_size),)


def _shaped(layer: Any) -> tuple[Any, ...]:
    return (torch.randn(2, *layer.normalized_shape),)


def _folded(layer: Any) -> tuple[Any, ...]:
    probe = torch.zeros(1, 1, *torch.Size(layer.output_size if isinstance(layer.output_size, tuple) else (6, 6)))
    columns = F.unfold(probe, layer.kernel_size, layer.dilation, layer.padding, layer.stride)
    return (torch.randn(2, 2 * columns.shape[1], columns.shape[2]),)


def _pooled(layer: Any) -> tuple[Any, ...]:
    sizes = (3,) * dimensions(type(layer).__name__)
    return torch.randn(2, 4, *sizes), torch.arange(3 ** len(sizes)).reshape(sizes).expand(2, 4, *sizes)


def _bags(layer: Any) -> tuple[Any, ...]:
    words = torch.randint(layer.num_embeddings, (6,))
    return (words, torch.tensor([0, 2, 6])) if layer.include_last_offset else (words.reshape(2, 3),)


def _attended(layer: Any) -> tuple[Any, ...]:
    return tuple(torch.randn(3, 3, size) for size in (layer.embed_dim, layer.kdim, layer.vdim))


def _translated(size: int) -> tuple[Any, ...]:
    return torch.randn(3, 3, size), torch.randn(3, 3, size)


_SPECIAL: dict[str, Callable[[Any], tuple[Any, ...] | None]] = {
    "AdaptiveLogSoftmaxWithLoss": lambda layer: (torch.randn(4, layer.in_features), torch.tensor([0, 4, 8, 10])),
    "Bilinear": lambda layer: (torch.randn(2, layer.in1_features), torch.randn(2, layer.in2_features)),
    "CosineSimilarity": lambda layer: _translated(4),
    "Embedding": lambda layer: (torch.randint(layer.num_embeddings, (2, 3)),),
    "EmbeddingBag": _bags,
    "Fold": _folded,
    "GRU": _sequence,
    "GRUCell": _step,
    "LSTM": _sequence,
    "LSTMCell": _step,
    "LayerNorm": _shaped,
    "Linear": lambda layer: (torch.randn(2, layer.in_features),),
    "LinearCrossEntropyLoss": lambda layer: (
        None if layer.out_features else (torch.randn(3, layer.linear.in_features), torch.tensor([0, 2, 4]))
    ),
    "MaxUnpool1d": _pooled,
    "MaxUnpool2d": _pooled,
    "MaxUnpool3d": _pooled,
    "MultiheadAttention": _attended,
    "PairwiseDistance": lambda layer: _translated(4),
    "RMSNorm": _shaped,
    "RNN": _sequence,
    "RNNCell": _step,
    "Transformer": lambda layer: _translated(layer.d_model),
    "TransformerDecoder": lambda layer: _translated(8),
    "TransformerDecoderLayer": lambda layer: _translated(layer.self_attn.embed_dim),
    "TransformerEncoder": lambda layer: _translated(8)[:1],
    "TransformerEncoderLayer": lambda layer: _translated(layer.self_attn.embed_dim)[:1],
    "Unflatten": lambda layer: (torch.randn(4, 4, 4),),
}
_LABELS = torch.tensor([0, 2, 4])
_SIGNS = torch.tensor([1.0, -1.0, 1.0])


def _scores() -> Tensor:
    return torch.randn(3, 5)


_LOSSES: dict[str, Callable[[], tuple[Any, ...]]] = {
    "BCELoss": lambda: (torch.rand(3, 5), torch.rand(3, 5)),
    "BCEWithLogitsLoss": lambda: (_scores(), torch.rand(3, 5)),
    "CTCLoss": lambda: (
        *(torch.randn(6, 2, 5).log_softmax(2), torch.tensor([[2, 3, 4], [3, 2, 3]])),
        *(torch.tensor([6, 6]), torch.tensor([3, 3])),
    ),
    "CosineEmbeddingLoss": lambda: (_scores(), _scores(), _SIGNS),
    "CrossEntropyLoss": lambda: (_scores(), _LABELS),
    "GaussianNLLLoss": lambda: (_scores(), _scores(), torch.rand(3, 5)),
    "HingeEmbeddingLoss": lambda: (_scores(), _scores().sign()),
    "KLDivLoss": lambda: (_scores().log_softmax(1), _scores().softmax(1)),
    "MSELoss": lambda: (_scores(), _scores()),
    "MarginRankingLoss": lambda: (torch.randn(3), torch.randn(3), _SIGNS),
    "MultiLabelMarginLoss": lambda: (_scores(), torch.tensor([[3, 0, -1, 1, 1]]).repeat(3, 1)),
    "MultiLabelSoftMarginLoss": lambda: (_scores(), torch.rand(3, 5).round()),
    "MultiMarginLoss": lambda: (_scores(), _LABELS),
    "NLLLoss": lambda: (_scores().log_softmax(1), _LABELS),
    "NLLLoss2d": lambda: (torch.randn(2, 5, 3, 3).log_softmax(1), torch.randint(5, (2, 3, 3))),
    "SoftMarginLoss": lambda: (_scores(), _scores().sign()),
    "TripletMarginLoss": lambda: (_scores(), _scores(), _scores()),
    "TripletMarginWithDistanceLoss": lambda: (_scores(), _scores(), _scores()),
}


def output(layer: nn.Module, given: tuple[Any, ...]) -> list[Tensor]:
    """The tensors that a layer returns, in evaluation mode and with fixed random numbers."""
    torch.manual_seed(0)
    result = layer.eval()(*given)
    return [leaf for leaf in pytree.tree_leaves(result) if isinstance(leaf, Tensor)]


# --- tests ---------------------------------------------------------------------------------------------------------


def state(layer: nn.Module) -> dict[str, Any]:
    tensors = layer.state_dict().items()
    return {name: (None if is_lazy(tensor) else tuple(tensor.shape), tensor.dtype) for name, tensor in tensors}


def shown(layer: nn.Module) -> str:
    """The layer as torch shows it, with `(3, 3)` as `3`."""
    return re.sub(r"\((\d+)(?:, \1)*,?\)", r"\1", repr(layer))


def data(spec: Any) -> str:
    assert isinstance(spec, LayerSpec)
    return json.dumps(encode(spec))


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.filterwarnings("ignore")
def test_every_layer_is_made_again(name):
    for arguments in cases(name):
        layer = made(name, arguments)
        described = describe_layer(layer)
        again = make_module(described)
        assert type(again) is type(layer), arguments
        assert shown(again) == shown(layer)
        assert state(again) == state(layer)
        assert data(describe_layer(again)) == data(described)
        if (given := inputs(name, layer)) is not None:
            again.load_state_dict(layer.state_dict())
            for ours, theirs in zip(output(again, given), output(layer, given), strict=True):
                torch.testing.assert_close(ours, theirs, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.filterwarnings("ignore")
def test_double_precision_is_kept(name):
    layer = made(name, required(name)).double()
    assert state(make_module(describe_layer(layer))) == state(layer)


def test_a_new_layer_says_what_it_was_given():
    described = describe_layer(nn.Conv2d(4, 6, (3, 5), padding="same", groups=2, bias=False, dtype=torch.float64))
    assert described.cls == "torch.nn.Conv2d"
    assert described.arguments == {
        **{"in_channels": 4, "out_channels": 6, "kernel_size": (3, 5), "stride": 1, "padding": "same", "dilation": 1},
        **{"groups": 2, "bias": False, "padding_mode": "zeros", "dtype": Named("torch.float64")},
    }


def test_what_an_attribute_was_set_to_counts():
    norm = nn.BatchNorm2d(4)
    norm.momentum = 0.01
    assert describe_layer(norm).arguments["momentum"] == 0.01


def forward_of_its_own(layer):
    layer.forward = lambda x: x


def another_weight(layer):
    layer.weight = nn.Parameter(torch.zeros(2, 4))


def one_more_parameter(layer):
    layer.scale = nn.Parameter(torch.ones(1))


def half_a_bias(layer):
    layer.bias = nn.Parameter(layer.bias.detach().half())


CHANGES = {
    "forward hook": lambda layer: layer.register_forward_hook(lambda *_: None),
    "forward pre-hook": lambda layer: layer.register_forward_pre_hook(lambda *_: None),
    "backward hook": lambda layer: layer.register_full_backward_hook(lambda *_: None),
    "parametrization": nn.utils.parametrizations.weight_norm,
    "pruning": lambda layer: prune.random_unstructured(layer, "weight", amount=1),
    "a forward of its own": forward_of_its_own,
    "a weight of another shape": another_weight,
    "one more parameter": one_more_parameter,
    "a bias in half precision": half_a_bias,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_layer_is_not_described(change):
    layer = nn.Linear(4, 6)
    CHANGES[change](layer)
    assert describe_layer(layer) is None


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_a_changed_part_of_a_layer_is_seen():
    block = nn.TransformerEncoderLayer(8, 2, 12)
    stack = nn.TransformerEncoder(block, 2)
    assert describe_layer(stack) is not None
    stack.layers[1].dropout1.p = 0.9
    assert describe_layer(stack) is None
    attention = nn.MultiheadAttention(8, 2)
    attention.out_proj = nn.Identity()
    assert describe_layer(attention) is None


class Scaled(nn.Linear):
    pass


@pytest.mark.parametrize("module", [Scaled(2, 2), nn.Sequential(), nn.ModuleList(), nn.Module()])
def test_other_modules_are_no_layers(module):
    assert describe_layer(module) is None


def test_a_distance_that_has_no_name_is_not_described():
    assert describe_layer(nn.TripletMarginWithDistanceLoss(distance_function=lambda a, b: a - b)) is None


def test_describing_draws_no_random_numbers():
    layer = nn.TransformerDecoderLayer(24, 2, 12)
    before = torch.get_rng_state()
    describe_layer(layer)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_layer_that_is_not_initialized_yet_stays_so():
    layer = nn.LazyLinear(3)
    again = make_module(describe_layer(layer))
    assert isinstance(layer.weight, nn.UninitializedParameter)
    assert again(torch.zeros(2, 5)).shape == (2, 3)
    assert describe_layer(again).cls == "torch.nn.Linear"


def test_one_form_for_equal_arguments():
    given = {"kernel_size": (3, 3), "stride": [2, 1], "padding": "same", "normalized_shape": [8]}
    assert canonical_arguments(given) == {"kernel_size": 3, "stride": (2, 1), "padding": "same", "normalized_shape": 8}
    assert canonical_arguments(given := {"normalized_shape": (4, 4), "size": (3, 3)}) == given
