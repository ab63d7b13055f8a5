"""What each edge passes through: ports in the borders of blocks, and one leg of its way in each block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from retiarii.graph.drawing.blocks import Block, Nesting


class Port(NamedTuple):
    """Where the value of a node crosses the border of a block."""

    value: str
    inwards: bool


Place: TypeAlias = "str | Block | Port"


class Leg(NamedTuple):
    """The way of a value inside one block, from an item or the upper border to an item or the lower border."""

    block: Block
    value: str
    source: Place
    target: Place


@dataclass(frozen=True, slots=True)
class Legs:
    """The ways of all edges.

    Attributes:
        of_edge: for each edge, its legs from the producer to the user.
        of_block: for each block, the legs in it, without repeats.
    """

    of_edge: Mapping[tuple[str, str], Sequence[Leg]]
    of_block: Mapping[Block, Sequence[Leg]]


def legs(nesting: Nesting) -> Legs:
    """The way of every edge. Edges that carry one value share what they can."""
    of_edge = {(source, target): _way(nesting, source, target) for source, target in nesting.edges}
    of_block: dict[Block, dict[Leg, None]] = {block: {} for block in nesting.root.walk()}
    for way in of_edge.values():
        for leg in way:
            of_block[leg.block][leg] = None
    return Legs(of_edge, {block: [*found] for block, found in of_block.items()})


def _way(nesting: Nesting, source: str, target: str) -> list[Leg]:
    outer, inner = nesting.trails[source], nesting.trails[target]
    shared = sum(1 for a, b in zip(outer, inner, strict=False) if a is b)
    leaving: tuple[Place, ...] = (*outer[shared:], source)
    entering: tuple[Place, ...] = (*inner[shared:], target)
    way = []
    for depth in range(len(outer) - 1, shared - 1, -1):
        way.append(Leg(outer[depth], source, leaving[depth - shared + 1], Port(source, inwards=False)))
    way.append(Leg(outer[shared - 1], source, leaving[0], entering[0]))
    for depth in range(shared, len(inner)):
        way.append(Leg(inner[depth], source, Port(source, inwards=True), entering[depth - shared + 1]))
    return way
