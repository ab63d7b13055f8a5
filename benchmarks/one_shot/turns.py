"""Steps of two sides, measured in turns so that a noisy machine disturbs both alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

Step: TypeAlias = Callable[[], Any]
Times: TypeAlias = dict[str, float]
"""Seconds by clock."""
Round: TypeAlias = list[tuple[Times, Times]]
"""What our steps took, and their counterparts."""
CLOCKS = {"cpu": time.process_time, "wall": time.perf_counter}
WARM_UP = 2


def in_turns(ours: Sequence[Step], theirs: Sequence[Step], repeats: int) -> dict[str, float]:
    """How much longer our steps take than theirs, each measured beside its counterpart; see `summary`.

    Args:
        ours: Steps.
        theirs: As many steps, in the same order.
        repeats: Rounds that are measured, after two that are not.
    """
    pairs = list(zip(ours, theirs, strict=True))
    gc.collect()
    gc.disable()
    try:
        rounds = [one_round(pairs, number) for number in range(WARM_UP + repeats)]
    finally:
        gc.enable()
    return summary(rounds[WARM_UP:])


def one_round(pairs: Sequence[tuple[Step, Step]], number: int) -> Round:
    """All steps once; which side begins, changes from step to step and from round to round."""
    measured = []
    for place, pair in enumerate(pairs):
        times = {side: timed(pair[side]) for side in ((0, 1), (1, 0))[(number + place) % 2]}
        measured.append((times[0], times[1]))
    return measured


def timed(step: Step) -> Times:
    """What one step takes."""
    begins = {name: clock() for name, clock in CLOCKS.items()}
    step()
    return {name: clock() - begins[name] for name, clock in CLOCKS.items()}


def summary(rounds: Sequence[Round]) -> dict[str, float]:
    """Ratios of ours to theirs, and microseconds a step.

    Of all steps the least times are added up, so `ratio_of_minima` is about what a quiet machine would show;
    `median_ratio` is that of one round after another.
    """
    made: dict[str, float] = {}
    for clock in CLOCKS:
        ours, theirs = [[[pair[side][clock] for pair in measured] for measured in rounds] for side in (0, 1)]
        best = [sum(map(min, zip(*side, strict=True))) for side in (ours, theirs)]
        ratios = [sum(a) / sum(b) for a, b in zip(ours, theirs, strict=True)]
        prefix = "" if clock == "cpu" else f"{clock}_"
        made[f"{prefix}ratio_of_minima"] = round(best[0] / best[1], 4)
        made[f"{prefix}median_ratio"] = round(statistics.median(ratios), 4)
        made[f"{prefix}ours_us"] = round(best[0] / len(rounds[0]) * 1e6, 1)
        made[f"{prefix}theirs_us"] = round(best[1] / len(rounds[0]) * 1e6, 1)
    return made


def judged(name: str, peer: str, limit: float | None, ratios: dict[str, float]) -> dict[str, Any]:
    """A row of the report; a limit is held against the ratio of the least CPU times."""
    holds = None if limit is None else ratios["ratio_of_minima"] <= limit
    return {"what": name, "against": peer, **ratios, "limit": limit, "holds": holds}
