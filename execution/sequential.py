"""Trials one after another, in this process."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Sequence

from retiarii.engine import Engine, Event, Job, Reported, Started, Stopped
from retiarii.evaluator import TrialStopped
from retiarii.execution.running import run
from retiarii.trial import Report


class SequentialEngine(Engine):
    """Runs one trial at a time in the process and thread that calls `advance`.

    Nothing is pickled and a debugger works; in exchange nothing protects the search from a trial that hangs or ends
    the process. The global generators of `random`, numpy and torch are started anew by every trial.
    """

    def __init__(self) -> None:
        self._waiting: deque[Job] = deque()
        self._cancelled: deque[int] = deque()
        self._running: int | None = None
        self._is_stopping = False

    def submit(self, jobs: Sequence[Job]) -> None:
        self._waiting.extend(jobs)

    def advance(self, listen: Callable[[Event], None], timeout: float) -> None:
        """Runs the next trial to its end. `timeout` says nothing here: there is nobody else to wait for."""
        while self._cancelled:
            listen(Stopped(self._cancelled.popleft(), 0.0))
        if not self._waiting:
            return
        job = self._waiting.popleft()
        self._running, self._is_stopping = job.trial.number, False
        listen(Started(job.trial.number, socket.gethostname()))
        end = Stopped(job.trial.number, 0.0) if self._is_stopping else self._run(job, listen)
        self._running = None
        listen(end)

    def cancel(self, number: int) -> None:
        if number == self._running:
            self._is_stopping = True
            return
        kept = deque(job for job in self._waiting if job.trial.number != number)
        if len(kept) < len(self._waiting):
            self._waiting = kept
            self._cancelled.append(number)

    def close(self) -> None:
        self._waiting.clear()
        self._cancelled.clear()
        self._running = None

    def _run(self, job: Job, listen: Callable[[Event], None]) -> Event:
        def receive(report: Report) -> None:
            listen(Reported(job.trial.number, report))
            if self._is_stopping:
                raise TrialStopped

        return run(job, receive)
