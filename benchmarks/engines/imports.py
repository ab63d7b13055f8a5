"""Warm trials beside a new process for each, and what importing costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from speed.ratios import import_seconds

from engines.ours import Ours
from engines.subject import WORKERS
from retiarii.execution import ProcessEngine

IMPORT_LIMIT, WARM_LIMIT = 1 / 10, 1 / 5_000


def import_rows(repeats: int) -> Iterator[dict[str, Any]]:
    """A trial in a worker beside a process that does no more than import torch; the same for our own import."""
    engine = Ours("ProcessEngine", ProcessEngine(WORKERS), 2_000)
    engine.open()
    try:
        for _ in range(1 + repeats):
            engine.measure()
    finally:
        engine.close()
    torch = import_seconds("import torch", repeats)
    yield _ratio("a trial of ProcessEngine", min([spent.cpu for spent in engine.taken]), torch, WARM_LIMIT)
    for statement in ("import retiarii", "import retiarii.nn, retiarii.experiment"):
        limit = IMPORT_LIMIT if statement == "import retiarii" else None
        yield _ratio(statement, import_seconds(statement, repeats), torch, limit)
    nothing = import_seconds("pass", repeats)
    yield _ratio("python without an import", nothing, torch, None)


def _ratio(what: str, ours: float, theirs: float, limit: float | None) -> dict[str, Any]:
    ratio = ours / theirs
    return {
        "what": what,
        "against": "a process that imports torch",
        "cpu_s": [round(ours, 6), round(theirs, 3)],
        "ratio_of_minima": round(ratio, 8),
        "times_as_cheap": round(1 / ratio, 1),
        "limit": limit,
        "holds": None if limit is None else ratio <= limit,
    }
