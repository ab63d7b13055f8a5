"""The smooth lines of the edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from retiarii.graph.drawing.frame import Point

_HEAD = 5.0
_STRAIGHT = 0.2


class Line(NamedTuple):
    """The line of an edge.

    Attributes:
        path: what SVG calls path data.
        end: where the tip of its arrow is.
    """

    path: str
    end: Point


def lines(routes: Mapping[tuple[str, str], Sequence[Point]]) -> dict[tuple[str, str], Line]:
    """The line of each edge. Of edges that carry one value, the later ones begin where they leave the earlier ones.

    Args:
        routes: for each edge its points, with one order of points where edges go the same way.
    """
    drawn: dict[str, set[tuple[Point, Point]]] = {}
    made = {}
    for edge, points in routes.items():
        known = drawn.setdefault(edge[0], set())
        steps = [*pairwise(points)]
        fresh = next((n for n, step in enumerate(steps) if step not in known), 0)
        known.update(steps)
        made[edge] = Line(_path(_without_repeats(points[fresh:])), points[-1])
    return made


def _without_repeats(points: Sequence[Point]) -> list[Point]:
    """Without points in the middle of a vertical line, and up to the back of the arrow's head."""
    *before, (x, y) = points
    kept = [point for n, point in enumerate(before) if not n or not before[n - 1][0] == point[0] == points[n + 1][0]]
    return [*kept, (x, y - _HEAD)]


def _path(points: Sequence[Point]) -> str:
    """A line that is vertical at each point."""
    steps = [f"M{number(points[0][0])} {number(points[0][1])}"]
    for (left, top), (right, bottom) in pairwise(points):
        if abs(left - right) < _STRAIGHT:
            steps.append(f"V{number(bottom)}")
            continue
        middle = number((top + bottom) / 2)
        steps.append(f"C{number(left)} {middle} {number(right)} {middle} {number(right)} {number(bottom)}")
    return "".join(steps)


def number(value: float) -> str:
    """A coordinate to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")
