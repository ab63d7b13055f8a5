"""Straight lanes: a value that passes through several rows goes down in one line where there is room for it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median_low

from retiarii.graph.drawing.rows import Entry, Rows


def straighten(grid: Rows, offsets: Sequence[Sequence[float]]) -> None:
    """Move the lanes of each value to one x, if no neighbour is in the way.

    Args:
        grid: rows with a place for each entry.
        offsets: for each row, the centres of its entries if it were packed tightly.
    """
    slots = {entry: slot for row in grid.rows for slot, entry in enumerate(row)}
    chains: dict[str, list[Entry]] = {}
    for (value, _), lane in grid.lanes.items():
        chains.setdefault(value, []).append(lane)
    by_place = sorted(chains.values(), key=lambda chain: sum(lane.x for lane in chain) / len(chain))
    for chain in [*by_place, *reversed(by_place)]:
        _straighten(grid, offsets, slots, chain)


def _straighten(
    grid: Rows, offsets: Sequence[Sequence[float]], slots: dict[Entry, int], chain: Sequence[Entry]
) -> None:
    least, most = float("-inf"), float("inf")
    for lane in chain:
        row, offset, slot = grid.rows[lane.row], offsets[lane.row], slots[lane]
        if slot > 0:
            least = max(least, row[slot - 1].x + offset[slot] - offset[slot - 1])
        if slot < len(row) - 1:
            most = min(most, row[slot + 1].x - offset[slot + 1] + offset[slot])
    if least > most:
        return
    x = min(max(median_low([lane.x for lane in chain]), least), most)
    for lane in chain:
        lane.x = x
