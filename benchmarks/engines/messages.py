"""What a trial costs in each engine, beside the pools of others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import chain
from typing import Any

import numpy as np

from engines.ours import Ours, Trials
from engines.pools import AwaitedPool, Calls, Joblib, Loky, MappedPool, Pool, Seeds
from engines.rows import beyond, compared, taken
from engines.subject import WORKERS, Subject
from retiarii.execution import ProcessEngine, RayEngine, SequentialEngine

CALL, TRIAL = "the function itself", "a trial itself: generators seeded, called, checked"
ONE, SIXTEEN, MORE = "ProcessEngine", "ProcessEngine, 16 a message", "ProcessEngine, 64 a message"
POOL, TASK = "ProcessPoolExecutor.submit", "a task of Ray"
RAY, RAY_SIXTEEN, RAY_MORE = "RayEngine", "RayEngine, 16 a call", "RayEngine, 64 a call"
PAIRS: Sequence[tuple[str, str, float | None]] = (
    (ONE, POOL, 1 / 2.5),
    (SIXTEEN, POOL, 1 / 10),
    (MORE, POOL, 1 / 10),
    ("seeding random and numpy", POOL, None),
    (ONE, "ProcessPoolExecutor.submit, any that has ended", None),
    (SIXTEEN, "ProcessPoolExecutor.map, 16 a chunk", None),
    (ONE, "loky, submit", None),
    (SIXTEEN, "joblib.Parallel", None),
    ("SequentialEngine", POOL, None),
    (RAY_SIXTEEN, TASK, 1 / 15),
    (RAY_MORE, TASK, 1 / 15),
    (RAY, TASK, None),
)
ADDED: Sequence[tuple[str, str, float]] = (
    (ONE, POOL, 1 / 2.5),
    (SIXTEEN, POOL, 1 / 10),
    (MORE, POOL, 1 / 10),
    (RAY_SIXTEEN, TASK, 1 / 15),
)
"""Compared also without what the trial takes in any engine, which is more than the bare function that pools call."""


def engine_rows(repeats: int, scale: int) -> Iterator[dict[str, Any]]:
    """Everything on this machine without a cluster."""
    yield from _measured(
        [
            Calls(CALL, 20_000 * scale),
            Trials(TRIAL, 8_000 * scale),
            Seeds("seeding random and numpy", 8_000 * scale),
            Ours("SequentialEngine", SequentialEngine(), 4_000 * scale),
            Ours(ONE, ProcessEngine(WORKERS), 2_000 * scale),
            Ours(SIXTEEN, ProcessEngine(WORKERS, trials_per_message=16), 8_000 * scale),
            Ours(MORE, ProcessEngine(WORKERS, trials_per_message=64), 8_000 * scale),
            Pool(POOL, 1_000 * scale),
            AwaitedPool("ProcessPoolExecutor.submit, any that has ended", 1_000 * scale),
            MappedPool("ProcessPoolExecutor.map, 16 a chunk", 4_000 * scale),
            Loky("loky, submit", 500 * scale),
            Joblib("joblib.Parallel", 4_000 * scale),
        ],
        repeats,
    )


def ray_rows(repeats: int, scale: int) -> Iterator[dict[str, Any]]:
    """Engines and tasks in one local cluster, all of whose processes are counted."""
    import ray  # noqa: PLC0415

    from engines.ray_tasks import RayTasks  # noqa: PLC0415

    ray.init("local", num_cpus=4 * WORKERS, include_dashboard=False, logging_level="error")
    try:
        yield from _measured(
            [
                Calls(CALL, 20_000 * scale),
                Trials(TRIAL, 8_000 * scale),
                Ours(RAY, RayEngine(workers=WORKERS), 250 * scale),
                Ours(RAY_SIXTEEN, RayEngine(workers=WORKERS, trials_per_message=16), 3_200 * scale),
                Ours(RAY_MORE, RayEngine(workers=WORKERS, trials_per_message=64), 6_400 * scale),
                RayTasks(TASK, 250 * scale),
            ],
            repeats,
        )
    finally:
        ray.shutdown()


def _measured(subjects: Sequence[Subject], repeats: int) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(0)
    with ExitStack() as stack:
        for subject in subjects:
            subject.open()
            stack.callback(subject.close)
        for subject in chain(subjects, subjects):
            subject.measure()
            subject.taken.clear()
        for _ in range(repeats):
            for place in rng.permutation(len(subjects)):
                subjects[place].measure()
    found = {subject.name: subject.taken for subject in subjects}
    for name, spent in found.items():
        yield taken(name, spent)
    for ours, theirs, limit in PAIRS:
        if ours in found and theirs in found:
            yield compared(ours, found[ours], theirs, found[theirs], limit)
    for ours, theirs, limit in ADDED:
        if ours in found and theirs in found:
            added, call = beyond(found[ours], found[TRIAL]), beyond(found[theirs], found[CALL])
            yield compared(f"{ours}, beyond the trial", added, f"{theirs}, beyond the function", call, limit)
