"""Where in its row each entry stands: as straight above and below its neighbours as the order allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from retiarii.graph.drawing.rows import Entry, Link, Rows
from retiarii.graph.drawing.straighten import straighten

_ROUNDS = 4
_MOST = 6.0
_HALVING = 50.0
_LANES = 0.6
_LENGTH = 20.0
_EQUAL = 1e-9

Pull = tuple[float, float]
Weights = Mapping[Link, float]


def place_in_columns(grid: Rows, gap: float) -> None:
    """Set the centre of each entry, `gap` apart or, beside a lane, a third of it.

    Rows are placed one after the other, up and down by turns. In each, the sum of the weighted distances between every
    entry and the places that its neighbours in the row before would like is least: the weighted medians of
    isotonic regression by pooling adjacent violators (Barlow et al., Statistical Inference under Order Restrictions,
    1972). Then lanes are straightened.
    """
    offsets = [_offsets(row, gap) for row in grid.rows]
    for row, offset in zip(grid.rows, offsets, strict=True):
        for entry, x in zip(row, offset, strict=True):
            entry.x = x - offset[-1] / 2
    weights = _weights(grid)
    for _ in range(_ROUNDS):
        for number in range(len(grid.rows) - 2, -1, -1):
            _place(grid.rows[number], offsets[number], _pulls(grid.links[number], weights, upwards=True))
        for number in range(1, len(grid.rows)):
            _place(grid.rows[number], offsets[number], _pulls(grid.links[number - 1], weights, upwards=False))
    straighten(grid, offsets)


def _offsets(row: Sequence[Entry], gap: float) -> list[float]:
    """The centres of the entries of a row that is packed tightly; the first is 0."""
    steps = [
        (left.width + right.width) / 2 + (gap / 3 if left.is_lane or right.is_lane else gap)
        for left, right in pairwise(row)
    ]
    return list(accumulate(steps, initial=0.0))


def _pulls(links: Sequence[Link], weights: Weights, *, upwards: bool) -> dict[Entry, list[Pull]]:
    """Where each entry of one row would stand if one of its links were straight, and how strong that link is."""
    pulls: dict[Entry, list[Pull]] = {}
    for link in links:
        moved, other, own = (link.upper, link.end, link.start) if upwards else (link.lower, link.start, link.end)
        pulls.setdefault(moved, []).append((other - (own - moved.x), weights[link]))
    return pulls


def _weights(grid: Rows) -> Weights:
    """How much it matters that a link is straight: most on the longest way from and to its ends, less along lanes."""
    ways = _ways([link for links in grid.links for link in links])
    longest: dict[Entry, float] = {}
    for (_, upper, lower), way in ways.items():
        longest[upper] = max(longest.get(upper, way), way)
        longest[lower] = max(longest.get(lower, way), way)
    weights = {}
    for link, way in ways.items():
        missing = max(longest[link.upper], longest[link.lower]) - way
        weight = 1.0 + round(_MOST * 0.5 ** (missing / _HALVING))
        weights[link] = weight * _LANES if link.upper.is_lane or link.lower.is_lane else weight
    return weights


def _ways(links: Sequence[Link]) -> dict[Link, float]:
    """The length of the longest way through the block that each link is part of; links are given from top to bottom."""
    above: dict[Entry, float] = {}
    below: dict[Entry, float] = {}
    for _, upper, lower in links:
        above[lower] = max(above.get(lower, 0.0), above.get(upper, 0.0) + _length(upper))
    for _, upper, lower in reversed(links):
        below[upper] = max(below.get(upper, 0.0), below.get(lower, 0.0) + _length(lower))
    return {
        link: above.get(link.upper, 0.0) + _length(link.upper) + _length(link.lower) + below.get(link.lower, 0.0)
        for link in links
    }


def _length(entry: Entry) -> float:
    return 0.0 if entry.is_lane else entry.height + _LENGTH


@dataclass(slots=True)
class _Pool:
    """Neighbours that touch one another, and what pulls their common place."""

    pulls: list[Pull]
    count: int
    x: float


def _place(row: Sequence[Entry], offsets: Sequence[float], pulls: dict[Entry, list[Pull]]) -> None:
    pools: list[_Pool] = []
    for entry, offset in zip(row, offsets, strict=True):
        own = [(x - offset, weight) for x, weight in pulls.get(entry, [(entry.x, 0.1)])]
        pools.append(_Pool(own, 1, _median(own)))
        while len(pools) > 1 and pools[-2].x > pools[-1].x:
            last = pools.pop()
            merged = pools[-1].pulls + last.pulls
            pools[-1] = _Pool(merged, pools[-1].count + last.count, _median(merged))
    places = [pool.x for pool in pools for _ in range(pool.count)]
    for entry, offset, x in zip(row, offsets, places, strict=True):
        entry.x = x + offset


def _median(pulls: Sequence[Pull]) -> float:
    """The weighted median; the middle of the two where the weights on both sides are equal."""
    ordered = sorted(pulls)
    half = sum([weight for _, weight in ordered]) / 2
    total = 0.0
    for (x, weight), (following, _) in zip(ordered, [*ordered[1:], ordered[-1]], strict=True):
        total += weight
        if abs(total - half) < _EQUAL:
            return (x + following) / 2
        if total > half:
            return x
    return ordered[-1][0]
