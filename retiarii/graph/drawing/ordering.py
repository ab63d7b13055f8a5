"""The order of the entries in each row, with few crossing lines: barycentres up and down, then exchanged neighbours."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence

from retiarii.graph.drawing.rows import Entry, Link, Rows

_ROUNDS = 4

Slots = Mapping[Entry, int]


def reduce_crossings(grid: Rows) -> None:
    """Reorder each row such that few lines cross; the order as it is wins where nothing is better."""
    given = _order(grid)
    best, fewest = given, _crossings(grid)
    for begins_downwards in (True, False):
        grid.rows[:] = [[*row] for row in given]
        for turn in range(_ROUNDS if fewest else 0):
            _sweep(grid, downwards=begins_downwards == (turn % 2 == 0))
            count = _crossings(grid)
            if count < fewest:
                best, fewest = _order(grid), count
    grid.rows[:] = best
    if fewest:
        _exchange(grid)


def _order(grid: Rows) -> list[list[Entry]]:
    return [[*row] for row in grid.rows]


def _sweep(grid: Rows, *, downwards: bool) -> None:
    numbers = range(1, len(grid.rows)) if downwards else range(len(grid.rows) - 2, -1, -1)
    for number in numbers:
        links = grid.links[number - 1] if downwards else grid.links[number]
        fixed = _slots(grid.rows[number - 1] if downwards else grid.rows[number + 1])
        grid.rows[number] = _sorted(grid.rows[number], _far_ends(links, fixed, downwards=downwards))


def _sorted(row: Sequence[Entry], pulls: Mapping[Entry, list[float]]) -> list[Entry]:
    """Entries by the mean of what pulls them; those that nothing pulls keep their places."""
    means = {entry: sum(pulls[entry]) / len(pulls[entry]) for entry in row if entry in pulls}
    pulled = iter(sorted(means, key=means.__getitem__))
    return [next(pulled) if entry in means else entry for entry in row]


def _exchange(grid: Rows) -> None:
    """Exchange neighbours in a row as long as that saves crossings."""
    for number, row in enumerate(grid.rows):
        sides = []
        if number > 0:
            sides.append(_far_ends(grid.links[number - 1], _slots(grid.rows[number - 1]), downwards=True))
        if number < len(grid.links):
            sides.append(_far_ends(grid.links[number], _slots(grid.rows[number + 1]), downwards=False))
        for _ in range(_ROUNDS):
            if not any([_exchange_two(row, slot, sides) for slot in range(len(row) - 1)]):
                break


def _exchange_two(row: list[Entry], slot: int, sides: Sequence[Mapping[Entry, Sequence[float]]]) -> bool:
    left, right = row[slot], row[slot + 1]
    saved = 0
    for ends in sides:
        for one in ends.get(left, ()):
            saved += sum([(one > other) - (one < other) for other in ends.get(right, ())])
    if saved > 0:
        row[slot], row[slot + 1] = right, left
    return saved > 0


def _far_ends(links: Sequence[Link], fixed: Slots, *, downwards: bool) -> dict[Entry, list[float]]:
    """Where the links of the entries of a row lead to, in the row above (on the way down) or below."""
    ends: dict[Entry, list[float]] = {}
    for link in links:
        entry, end = (link.lower, _start(link, fixed)) if downwards else (link.upper, _end(link, fixed))
        ends.setdefault(entry, []).append(end)
    return ends


def _crossings(grid: Rows) -> int:
    return sum([_between(links, _slots(grid.rows[n]), _slots(grid.rows[n + 1])) for n, links in enumerate(grid.links)])


def _between(links: Sequence[Link], upper: Slots, lower: Slots) -> int:
    """How many pairs of lines cross between two rows; lines that start at one point do not."""
    ends = sorted([(_start(link, upper), _end(link, lower)) for link in links])
    passed: list[float] = []
    count = 0
    for _, end in ends:
        count += len(passed) - bisect_right(passed, end)
        insort(passed, end)
    return count


def _slots(row: Sequence[Entry]) -> Slots:
    return {entry: slot for slot, entry in enumerate(row)}


def _start(link: Link, slots: Slots) -> float:
    return slots[link.upper] + link.upper.departures.get(link.value, 0.0) / link.upper.width


def _end(link: Link, slots: Slots) -> float:
    return slots[link.lower] + link.lower.arrivals.get(link.value, 0.0) / link.lower.width
