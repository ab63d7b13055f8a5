"""How many messages of jobs workers are given, and which of them first."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

from retiarii.execution.process.spawned import Spawned

_SHORT = 0.02
_VERY_SHORT = 0.001
_LONG = 1.0
_AHEAD = 8
_ENOUGH = 8


class Sharing:
    """Lets workers have more than they run just now, where trials are short: waiting for one would take longer.

    If a long one comes after all, those behind it wait. So the more often that happens, the longer a worker must have
    had nothing but short ones.

    Args:
        most: How many jobs a message holds.
        goes_ahead: Whether a worker may have more than one message.
    """

    def __init__(self, most: int, *, goes_ahead: bool) -> None:
        self._most = most
        self._goes_ahead = goes_ahead
        self._enough = _ENOUGH

    def ends(self, worker: Spawned, duration: float) -> None:
        """Notes how many seconds a trial took."""
        if duration >= _LONG and worker.short >= self._enough:
            self._enough *= _ENOUGH
        worker.short = worker.short + 1 if duration < _SHORT else 0
        worker.very_short = worker.very_short + 1 if duration < _VERY_SHORT else 0

    def wanted(self, worker: Spawned) -> int:
        """How many messages a worker may be sent now."""
        return max(0, self._limit(worker) - worker.held)

    def places(self, workers: Iterable[Spawned]) -> list[Spawned]:
        """The workers that may be sent messages now, once for each; those first that have the fewest."""
        ready = [worker for worker in workers if worker.is_ready]
        free = [(held, worker) for worker in ready for held in range(worker.held, self._limit(worker))]
        return [worker for _, worker in sorted(free, key=itemgetter(0))]

    def _limit(self, worker: Spawned) -> int:
        if not self._goes_ahead or worker.short < self._enough:
            return 1
        return _AHEAD if self._most == 1 and worker.very_short >= self._enough else 2
