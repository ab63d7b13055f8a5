"""Which row each item of a block is in: a value's producer above all that take it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(slots=True, eq=False)
class Entry:
    """Something that has a place in a row.

    Attributes:
        width: its width; a lane that a value passes through is narrow.
        height: its height.
        arrivals: where each value enters, measured to the right from the centre; 0 for those not named.
        departures: where each value leaves, likewise.
        place: "first" for what belongs into the first row, "last" into the last, else "inner".
        is_lane: whether it only keeps space free for a value on its way down.
        row: the number of the row.
        x: the centre.
    """

    width: float
    height: float
    arrivals: Mapping[str, float] = field(default_factory=dict)
    departures: Mapping[str, float] = field(default_factory=dict)
    place: str = "inner"
    is_lane: bool = False
    row: int = 0
    x: float = 0.0


class Arc(NamedTuple):
    """A value on its way from one entry to another."""

    value: str
    source: Entry
    target: Entry


class Link(NamedTuple):
    """A value on its way from an entry to one in the next row."""

    value: str
    upper: Entry
    lower: Entry

    @property
    def start(self) -> float:
        """The x at which the link leaves the upper entry."""
        return self.upper.x + self.upper.departures.get(self.value, 0.0)

    @property
    def end(self) -> float:
        """The x at which the link enters the lower entry."""
        return self.lower.x + self.lower.arrivals.get(self.value, 0.0)


@dataclass(frozen=True, slots=True)
class Rows:
    """Entries in rows.

    Attributes:
        rows: from top to bottom, each from left to right.
        links: those between each row and the next.
        lanes: the lane of a value in a row that it passes through.
    """

    rows: list[list[Entry]]
    links: list[list[Link]]
    lanes: dict[tuple[str, int], Entry] = field(default_factory=dict)


def in_rows(entries: Sequence[Entry], arcs: Sequence[Arc], lane: float) -> Rows:
    """Entries in rows, with lanes `lane` wide where a value passes through a row.

    Args:
        entries: in an order in which they can run.
        arcs: what connects them.
        lane: the width of a lane.
    """
    _number(entries, arcs)
    _sink(entries, arcs)
    count = max((entry.row for entry in entries), default=-1) + 1
    grid = Rows([[] for _ in range(count)], [[] for _ in range(count - 1)])
    for entry in entries:
        grid.rows[entry.row].append(entry)
    linked: set[Link] = set()
    for value, source, target in arcs:
        above = source
        for row in range(source.row + 1, target.row + 1):
            below = target if row == target.row else _lane(grid, value, row, lane)
            link = Link(value, above, below)
            if link not in linked:
                linked.add(link)
                grid.links[row - 1].append(link)
            above = below
    return grid


def _lane(grid: Rows, value: str, row: int, width: float) -> Entry:
    if (value, row) not in grid.lanes:
        grid.lanes[value, row] = Entry(width, 0.0, is_lane=True, row=row)
        grid.rows[row].append(grid.lanes[value, row])
    return grid.lanes[value, row]


def _number(entries: Sequence[Entry], arcs: Sequence[Arc]) -> None:
    """The longest way from the top decides the row."""
    sources: dict[Entry, list[Entry]] = {}
    for _, source, target in arcs:
        sources.setdefault(target, []).append(source)
    lowest = 1 if any(entry.place == "first" for entry in entries) else 0
    for entry in entries:
        above = max((source.row + 1 for source in sources.get(entry, ())), default=0)
        entry.row = 0 if entry.place == "first" else max(lowest, above)
    bottom = max((entry.row for entry in entries if entry.place != "last"), default=-1) + 1
    for entry in entries:
        if entry.place == "last":
            entry.row = bottom


def _sink(entries: Sequence[Entry], arcs: Sequence[Arc]) -> None:
    """What depends on nothing in the first row stands right above what takes it."""
    users: dict[Entry, list[Entry]] = {}
    fixed = {entry for entry in entries if entry.place != "inner"}
    for _, source, target in arcs:
        users.setdefault(source, []).append(target)
    for entry in entries:
        if entry in fixed:
            fixed.update(users.get(entry, ()))
    for entry in reversed(entries):
        if entry not in fixed and entry in users:
            entry.row = min([user.row for user in users[entry]]) - 1
