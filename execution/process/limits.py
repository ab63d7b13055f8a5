"""What trials may use: time and memory, and who has used more."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

import psutil

from retiarii.engine import Failure
from retiarii.errors import ExperimentError
from retiarii.execution.process.resources import amount, readable
from retiarii.execution.process.spawned import Spawned, memory, share_of_memory

_INTERVAL = 0.25
_MEMORY_INTERVAL = 0.15


class Limits:
    """Looks at workers now and then.

    Args:
        trial_timeout: Seconds that a trial may take.
        memory_limit: Bytes that a worker and its children may hold, or a text such as "4GB".

    Raises:
        ExperimentError: `memory_limit` is none.
    """

    def __init__(self, trial_timeout: float | None, memory_limit: int | str | None) -> None:
        self.trial_timeout = trial_timeout
        self.memory_limit = None if memory_limit is None else amount(memory_limit, "memory_limit")
        self.next_look = 0.0

    def begin(self, worker: Spawned, now: float) -> None:
        """Notes that the first job of a worker begins."""
        worker.began = now
        if self.trial_timeout is not None:
            self.next_look = min(self.next_look, now + self.trial_timeout)

    def looked(self, workers: Sequence[Spawned]) -> None:
        """Notes that everything was looked at, and when that is to be done again."""
        self.next_look = time.monotonic() + (_INTERVAL if self.memory_limit is None else _MEMORY_INTERVAL)
        for worker in workers:
            if worker.jobs:
                self.begin(worker, worker.began)

    def is_late(self, worker: Spawned) -> bool:
        if self.trial_timeout is None or not worker.jobs:
            return False
        return time.monotonic() - worker.began >= self.trial_timeout

    def lateness(self) -> Failure:
        message = f"ran longer than trial_timeout={self.trial_timeout:g} s, and was killed"
        return Failure("time limit", message, "", message)

    def greedy(self, workers: Sequence[Spawned]) -> Iterator[tuple[Spawned, Failure]]:
        """The workers that hold more than they may, and what they hold."""
        if self.memory_limit is None:
            return
        for worker, processes in zip(workers, _families(workers), strict=True):
            used = sum(map(memory, processes))
            if used > self.memory_limit and len(processes) > 1:
                used = sum(map(share_of_memory, processes))  # which takes longer to find out
            if worker.is_ready and used > self.memory_limit:
                message = f"used {readable(used)} with memory_limit={readable(self.memory_limit)}, and was killed"
                yield worker, Failure("memory limit", message, "", message)

    def is_ready(self, worker: Spawned) -> None:
        """Looks at what a worker holds before any trial.

        Raises:
            ExperimentError: that is too much.
        """
        if self.memory_limit is None:
            return
        worker.memory = memory(worker.number)
        if worker.memory > self.memory_limit:
            raise ExperimentError(
                f"memory_limit={readable(self.memory_limit)} is less than the {readable(worker.memory)} that a worker "
                "holds before it runs a trial"
            )

    def has_leaked(self, worker: Spawned) -> bool:
        """Whether a worker without work has kept more than half of what trials may add to what it held at first."""
        if self.memory_limit is None:
            return False
        return memory(worker.number) - worker.memory > (self.memory_limit - worker.memory) / 2


def _families(workers: Sequence[Spawned]) -> list[list[int]]:
    """Workers, each with all that descends from it, by their numbers."""
    families = {worker.number: [worker.number] for worker in workers}
    parents = {worker.number: worker.number for worker in workers}
    for descendant in psutil.Process().children(recursive=True):  # one walk over all processes for all workers
        with suppress(psutil.Error):
            owner = parents.setdefault(descendant.pid, parents.get(descendant.ppid(), os.getpid()))
            if owner in families and descendant.pid != owner:
                families[owner].append(descendant.pid)
    return [families[worker.number] for worker in workers]
