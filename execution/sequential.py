"""Trials one after another, in this process."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterator, Sequence

from retiarii.engine import Engine, Event, Job, Reported, Started, Stopped
from retiarii.execution.running import run
from retiarii.trial import Report


class SequentialEngine(Engine):
    """Runs one trial at a time in the process and thread that asks for events.

    Nothing is pickled and a debugger works; in exchange nothing protects the search from a trial that hangs or ends
    the process. Intermediate values are reported when their trial has ended. The global generators of `random`, numpy
    and torch are started anew by every trial.
    """

    def __init__(self) -> None:
        self._waiting: deque[Job] = deque()
        self._cancelled: deque[int] = deque()

    def submit(self, jobs: Sequence[Job]) -> None:
        self._waiting.extend(jobs)

    def events(self, timeout: float) -> Iterator[Event]:
        """Runs the next trial to its end. `timeout` says nothing here: there is nobody else to wait for."""
        while self._cancelled:
            yield Stopped(self._cancelled.popleft(), 0.0)
        if not self._waiting:
            return
        job = self._waiting.popleft()
        yield Started(job.trial.number, socket.gethostname())
        reports: list[Report] = []
        end = run(job, reports.append)
        yield from (Reported(job.trial.number, report) for report in reports)
        yield end

    def cancel(self, number: int) -> None:
        """Takes a waiting trial from the queue; one that runs can't be reached, and goes on to its end."""
        kept = deque(job for job in self._waiting if job.trial.number != number)
        if len(kept) < len(self._waiting):
            self._waiting = kept
            self._cancelled.append(number)

    def close(self) -> None:
        self._waiting.clear()
        self._cancelled.clear()
