"""Whether mixtures of models mean what they should: all weight on one model has to give that model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from retiarii.domain import Categorical, Domain, Numeric, Sample
from retiarii.domain.value import frozen
from retiarii.errors import SpaceError
from retiarii.graph.structure import flat
from retiarii.strategies.one_shot.architecture import Architecture
from retiarii.strategies.one_shot.plain_values import are_numbers
from retiarii.strategies.one_shot.supernet import Supernet
from retiarii.strategies.one_shot.ways import Ways

_RANDOM = 2
"""As many samples are tried by chance, beside the smallest and the largest model."""
_LEEWAY = {torch.float64: 1e-6, torch.float32: 1e-3}
_HALF_LEEWAY = 5e-2


def check_mixtures(
    supernet: Supernet,
    architecture: Architecture,
    method: str,
    run: Callable[[], object],
    *,
    at_once: int | None = None,
) -> None:
    """Sees that the supernet, with all weight on the parts of one model, computes that model, for a few of them.

    Mixed activations have the largest width, and the narrow ones zeros at the end. What is not computed channel by
    channel (a softmax or a mean over channels, a concatenation of several such tensors) is then another computation.

    Args:
        supernet: It is decided anew.
        architecture: Tells the values of labels.
        method: What the strategy is called.
        run: Runs a batch through the model.
        at_once: So many values of a choice count at once; None for all.

    Raises:
        SpaceError: it does not; it names a label that makes the difference.
    """
    domain = supernet.domain.unconstrained
    with _unchanging(supernet.space), _heard(supernet.space) as heard:

        def difference(sample: Sample) -> bool:
            return not _are_close(
                _outputs(heard, run, lambda: supernet.follow(sample)),
                _outputs(heard, run, lambda: supernet.decide(one_hot(architecture, sample, at_once))),
            )

        wrong = next((sample for sample in _few(domain) if difference(sample)), None)
        if wrong is None:
            return
        label = _culprit(domain, wrong, difference)
    raise SpaceError(
        f"{method} can't search the choice {label!r}: with {label}={wrong.get(label)!r} the model is not what the "
        "supernet computes when all weight is on it, because forward computes something that is not channel by channel "
        "(a concatenation of narrow tensors, a softmax, mean or view over channels) or looks at a condition of the "
        "choice; let the layers alone depend on it, or use GDAS, RandomOneShot or ENAS"
    )


def one_hot(architecture: Architecture, sample: Mapping[str, Any], at_once: int | None = None) -> dict[str, Ways]:
    """Values of all labels, with all weight on those of a sample: all values, or so many, the last ones for choice."""
    ways = {}
    for label, values in architecture.values.items():
        place = values.index(frozen(sample[label])) if label in sample else 0
        others = [value for index, value in enumerate(reversed(values), 1) if len(values) - index != place]
        counted = (values[place], *others)[:at_once]
        weights = torch.eye(len(counted), device=architecture.number(label).device)[0]
        ways[label] = Ways(counted, weights, len(counted))
    return ways


def _few(domain: Domain) -> Iterator[Sample]:
    yield _extreme(domain, min)
    yield _extreme(domain, max)
    rng = np.random.default_rng(0)
    for _ in range(_RANDOM):
        yield domain.random(rng)


def _extreme(domain: Domain, which: Callable[..., Any]) -> Sample:
    """The sample of the smallest or largest numbers; what is no number has its default."""
    values = _defaults(domain)
    for label, choice in domain.choices.items():
        if isinstance(choice, Numeric):
            values[label] = choice.low if which is min else choice.high
        elif isinstance(choice, Categorical) and are_numbers(choice.candidates):
            values[label] = which(choice.candidates)
    return domain.canonical(values)


def _culprit(domain: Domain, wrong: Sample, is_different: Callable[[Sample], bool]) -> str:
    """A label whose value in a sample makes the difference: the first to do so by itself, or in turn."""
    base = dict(_extreme(domain, max))
    for label in wrong:
        base = {**base, label: wrong[label]}
        if is_different(domain.canonical({**_defaults(domain), **base})):
            return label
    return next(iter(wrong))


def _defaults(domain: Domain) -> dict[str, Any]:
    return {label: choice.default for label, choice in domain.choices.items()}


def _outputs(heard: list[Any], run: Callable[[], object], decide: Callable[[], None]) -> list[Tensor]:
    heard.clear()
    decide()
    torch.manual_seed(0)
    run()
    return [leaf for leaf in flat(list(heard)) if isinstance(leaf, Tensor) and leaf.is_floating_point()]


def _are_close(expected: list[Tensor], found: list[Tensor]) -> bool:
    pairs = list(zip(expected, found, strict=False))
    return len(expected) == len(found) and all(map(_is_close, *zip(*pairs, strict=True))) if pairs else True


def _is_close(expected: Tensor, found: Tensor) -> bool:
    if expected.shape != found.shape:
        return False
    if not expected.isfinite().all():
        return True
    is_half = torch.is_autocast_enabled(expected.device.type)
    leeway = _HALF_LEEWAY if is_half else _LEEWAY.get(expected.dtype, _HALF_LEEWAY)
    scale = expected.abs().amax() if expected.numel() else 0.0
    return bool(((expected - found).abs() <= leeway * scale + leeway * leeway).all())


@contextmanager
def _unchanging(space: nn.Module) -> Iterator[None]:
    """Within the block a module is in evaluation mode, not compiled, and draws nothing that others would have drawn."""
    modes = {part: part.training for part in space.modules()}
    compiled = {part: vars(part).pop("_compiled_call_impl") for part in modes if "_compiled_call_impl" in vars(part)}
    space.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng():
            yield
    finally:
        for part, is_training in modes.items():
            part.training = is_training
        for part, implementation in compiled.items():
            vars(part)["_compiled_call_impl"] = implementation


@contextmanager
def _heard(space: nn.Module) -> Iterator[list[Any]]:
    """Within the block all that a module gives is in the list."""
    outputs: list[Any] = []
    handle = space.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    try:
        yield outputs
    finally:
        handle.remove()
