"""What is printed: what things took, and ratios."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from engines.subject import Spent


def taken(name: str, spent: Sequence[Spent]) -> dict[str, Any]:
    """Microseconds for a trial."""
    cpu, wall = [one.cpu * 1e6 for one in spent], [one.wall * 1e6 for one in spent]
    return {
        "what": name,
        "cpu_us": {"min": round(min(cpu), 1), "median": round(statistics.median(cpu), 1)},
        "wall_us": {"min": round(min(wall), 1), "median": round(statistics.median(wall), 1)},
    }


def beyond(spent: Sequence[Spent], part: Sequence[Spent]) -> list[Spent]:
    """What is left of each measurement without what some part of it takes, by the median."""
    cpu, wall = statistics.median([one.cpu for one in part]), statistics.median([one.wall for one in part])
    return [Spent(one.cpu - cpu, one.wall - wall) for one in spent]


def compared(
    name: str, ours: Sequence[Spent], peer: str, theirs: Sequence[Spent], limit: float | None = None
) -> dict[str, Any]:
    """Ratios of ours to theirs, measured in turns; `median_ratio`, of CPU time, is what a limit is held against.

    Minima mislead where a process of a cluster ends while it is measured.
    """
    cpu = min([one.cpu for one in ours]) / min([one.cpu for one in theirs])
    wall = min([one.wall for one in ours]) / min([one.wall for one in theirs])
    pairs = [*zip(ours, theirs, strict=True)]
    median = statistics.median([a.cpu / b.cpu for a, b in pairs])
    return {
        "what": name,
        "against": peer,
        "ratio_of_minima": round(cpu, 5),
        "median_ratio": round(median, 5),
        "wall_ratio_of_minima": round(wall, 5),
        "wall_median_ratio": round(statistics.median([a.wall / b.wall for a, b in pairs]), 5),
        "times_as_cheap": round(1 / median, 2),
        "limit": None if limit is None else round(limit, 5),
        "holds": None if limit is None else median <= limit,
    }
