"""Ratios of CPU times, taken in turns so that a noisy machine disturbs both sides alike."""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Pair:
    """What is measured, and what it is measured against."""

    name: str
    limit: float
    ours: Callable[[], Any]
    theirs: Callable[[], Any]
    peer: str


def seconds(function: Callable[[], Any], calls: int) -> float:
    """CPU seconds of one call."""
    begin = time.process_time()
    for _ in range(calls):
        function()
    return (time.process_time() - begin) / calls


def calls_for(function: Callable[[], Any], least: float = 0.02) -> int:
    """So many calls that together they take at least this many seconds."""
    once = max(seconds(function, 3), 1e-7)
    return max(1, int(least / once))


def measured(pair: Pair, repeats: int) -> dict[str, Any]:
    """The ratio of ours to theirs: of the best times, and the median of the ratios of neighbouring runs."""
    ours_calls, theirs_calls = calls_for(pair.ours), calls_for(pair.theirs)
    ours, theirs = [], []
    gc.collect()
    gc.disable()
    try:
        for _ in range(repeats):
            ours.append(seconds(pair.ours, ours_calls))
            theirs.append(seconds(pair.theirs, theirs_calls))
    finally:
        gc.enable()
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    best = min(ours) / min(theirs)
    return {
        "what": pair.name,
        "against": pair.peer,
        "ratio_of_minima": round(best, 5),
        "median_ratio": round(statistics.median(ratios), 5),
        "limit": round(pair.limit, 5),
        "holds": best <= pair.limit,
        "ours_us": round(min(ours) * 1e6, 1),
        "theirs_us": round(min(theirs) * 1e6, 1),
    }


def import_seconds(statement: str, repeats: int) -> float:
    """The least CPU seconds, children's included, of a fresh interpreter that runs a statement."""
    code = f"{statement}\nimport time\nprint(time.process_time())"
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(repeats)
    ]
    return min(float(run.stdout) for run in runs)
