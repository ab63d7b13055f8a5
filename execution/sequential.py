"""Trials one after another, in this process."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Sequence

from retiarii.engine import Assignment, Engine, Event, Job, Reported, Started, Stopped
from retiarii.errors import ExperimentError
from retiarii.evaluator import TrialStopped
from retiarii.execution.checks import TAKEN
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
        self._running: Job | None = None
        self._is_stopping = False
        self._host = socket.gethostname()
        self._is_open = False

    def open(self, assignment: Assignment) -> None:
        if self._is_open:
            raise ExperimentError(TAKEN)
        self._assignment, self._is_open = assignment, True

    @property
    def room(self) -> int:
        return 0 if self._waiting or self._cancelled or self._running is not None else 1

    def submit(self, jobs: Sequence[Job]) -> None:
        self._waiting.extend(jobs)

    def advance(self, listen: Callable[[Event], None], timeout: float) -> None:
        """Says which trial is next; then, called again, runs it to its end, whatever `timeout` says.

        So it is known that a trial runs, should it take the process along.
        """
        while self._cancelled:
            listen(Stopped(self._cancelled.popleft(), 0.0))
        if self._running is None:
            self._begin(listen)
            return
        job = self._running
        end = Stopped(job.number, 0.0) if self._is_stopping else self._run(job, listen)
        self._running = None
        listen(end)

    def cancel(self, number: int) -> None:
        if self._running is not None and number == self._running.number:
            self._is_stopping = True
            return
        kept = deque(job for job in self._waiting if job.number != number)
        if len(kept) < len(self._waiting):
            self._waiting = kept
            self._cancelled.append(number)

    def close(self) -> None:
        self._waiting.clear()
        self._cancelled.clear()
        self._running = None
        self._is_open = False

    def _begin(self, listen: Callable[[Event], None]) -> None:
        if self._waiting:
            self._running, self._is_stopping = self._waiting.popleft(), False
            listen(Started(self._running.number, self._host))

    def _run(self, job: Job, listen: Callable[[Event], None]) -> Event:
        def receive(report: Report) -> None:
            listen(Reported(job.number, report))
            if self._is_stopping:
                raise TrialStopped

        return run(self._assignment, job, receive)
