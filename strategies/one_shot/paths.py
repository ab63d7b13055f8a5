"""Drawing architectures by the probabilities of their parts."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import TypeAlias

import torch
from torch import Tensor

from retiarii.domain import Sample
from retiarii.errors import SpaceError
from retiarii.strategies.one_shot.architecture import Architecture
from retiarii.strategies.one_shot.gumbel import gumbel_like
from retiarii.strategies.one_shot.ways import Ways

_TRIES = 1000
"""How often an architecture is drawn until one keeps the constraints."""
_REPEATS = 100
"""After so many draws of architectures that are known there seem to be few others."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn of one label.

    Attributes:
        places: Of its values: first that of the one that is taken, then others that are looked at, too.
        noise: Gumbel numbers, whose sums with the logits are largest at these places.
    """

    places: tuple[int, ...]
    noise: Tensor


@dataclass(frozen=True, slots=True)
class Path:
    """An architecture that was drawn.

    Attributes:
        sample: What it decides, without labels that are of no account in it.
        labels: For every label what was drawn.
    """

    sample: Sample
    labels: Mapping[str, Drawn]


Draw: TypeAlias = Callable[[Tensor, torch.Generator], Drawn]


def one(logits: Tensor, random: torch.Generator) -> Drawn:
    """One value by its probability, which is the softmax of logits of shape (values,)."""
    noise = gumbel_like(logits, random)
    return Drawn((int((logits + noise).argmax()),), noise)


def two(logits: Tensor, random: torch.Generator) -> Drawn:
    """Two values by their probabilities, without replacement, the first of which is one of them by theirs; or all."""
    if len(logits) == 1:
        return one(logits, random)
    noise = gumbel_like(logits, random)
    pair = (logits + noise).topk(2).indices
    first = int(torch.multinomial(logits[pair].softmax(0), 1, generator=random))
    return Drawn((int(pair[first]), int(pair[1 - first])), noise)


@torch.no_grad()
def drawn(architecture: Architecture, random: torch.Generator, draw: Draw = one) -> Path:
    """Draw an architecture that keeps the constraints, by its probability among those.

    Args:
        architecture: Tells the probabilities.
        random: Draws.
        draw: What is drawn of each label.

    Raises:
        SpaceError: hardly any architecture keeps the constraints.
    """
    logits = {label: architecture.logits(label).cpu() for label in architecture.labels}
    for _ in range(_TRIES):
        labels = {label: draw(own, random) for label, own in logits.items()}
        sample = architecture.sample({label: made.places[0] for label, made in labels.items()})
        if architecture.domain.keeps(sample):
            return Path(sample, labels)
    raise SpaceError(
        f"none of {_TRIES} architectures that were drawn keeps the constraints "
        f"({', '.join([rule.description for rule in architecture.domain.constraints])}): loosen them, or use DARTS, "
        "which draws none"
    )


def ways_of(architecture: Architecture, path: Path) -> dict[str, Ways]:
    """A path as ways of all labels."""
    return {label: Ways((architecture.values[label][made.places[0]],)) for label, made in path.labels.items()}


def most_likely(architecture: Architecture) -> dict[str, Ways]:
    """The most likely architecture that keeps the constraints, as ways of all labels."""
    sample = next(architecture.most_likely())
    values = architecture.values
    return {label: Ways.path(sample.get(label, values[label][0])) for label in architecture.labels}


def likely(architecture: Architecture, seed: int) -> Iterator[Sample]:
    """The most likely architecture, then others as they are drawn by their probabilities, each once.

    When drawing gives hardly any new ones, the rest follows, the most likely first.

    Args:
        architecture: Tells the probabilities.
        seed: Decides what is drawn.
    """
    random = torch.Generator().manual_seed(seed)
    known: set[str] = set()
    for sample in chain(
        islice(architecture.most_likely(), 1), _fresh(architecture, random, known), architecture.most_likely()
    ):
        if repr(sample) not in known:
            known.add(repr(sample))
            yield sample


def _fresh(architecture: Architecture, random: torch.Generator, known: Container[str]) -> Iterator[Sample]:
    """Architectures that are drawn, until many in a row are known."""
    repeats = 0
    while repeats < _REPEATS:
        sample = drawn(architecture, random).sample
        repeats = repeats + 1 if repr(sample) in known else 0
        yield sample
