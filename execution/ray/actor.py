"""The process of a cluster that runs trials, one after another."""

from __future__ import annotations

import reprlib
import socket
import sys
import threading
import time
from collections.abc import Sequence

import ray

from retiarii.engine import Assignment, Completed, Failed, Failure, Job, Stopped
from retiarii.evaluator import TrialStopped
from retiarii.execution.ray.message import PlainEvent, PlainJob, plain_end, plain_report
from retiarii.execution.running import run
from retiarii.execution.shipping import unpacked
from retiarii.trial import Report

GROUPS = {"run": 1, "watch": 2, "live": 1}
"""The threads of an actor: one for trials, and others in which it is asked and told things meanwhile."""

_PATIENCE = 10.0


class TrialActor:
    """Runs the jobs of one message after another, and says how far it is when asked.

    A trial that somebody has been told to run is the last one that begins before its end is known there too. So
    whoever loses this process knows what it was doing.
    """

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._message = 0
        self._is_over = True
        self._running: int | None = None
        self._told: int | None = None
        self._events: list[PlainEvent] = []
        self._confirmed = 0
        self._cancelled: set[tuple[int, int]] = set()

    @ray.method(concurrency_group="run")
    def load(self, host: str, path: Sequence[str], data: bytes) -> tuple[str, str]:
        """Takes the assignment. On the machine of the search, modules are found where the search finds them.

        Returns:
            The names of this host and of its node.
        """
        if host == socket.gethostname():
            sys.path[:] = [*path, *(entry for entry in sys.path if entry not in path)]
        self._assignment: Assignment = unpacked(data)
        return socket.gethostname(), ray.get_runtime_context().get_node_id()

    @ray.method(concurrency_group="run")
    def run(self, message: int, jobs: Sequence[PlainJob]) -> tuple[int, list[PlainEvent]]:
        """Runs jobs in their order.

        Args:
            message: Its number; they only grow.
            jobs: What to run.

        Returns:
            What has happened, but for so many first events, which are known already.
        """
        with self._news:
            self._message, self._is_over = message, False
            self._events, self._confirmed = [], 0
        for left, fields in enumerate(jobs, 1 - len(jobs)):
            self._note(self._end(Job(*fields)), is_last=left == 0)
        with self._news:
            self._is_over = True
            self._cancelled = {known for known in self._cancelled if known[0] > message}
            self._news.notify_all()
            return self._confirmed, self._events

    @ray.method(concurrency_group="watch")
    def heard(self, message: int, seen: int, told: int | None) -> tuple[int | None, list[PlainEvent]]:
        """Waits until there is something new about a message, for a while.

        Args:
            message: Its number.
            seen: How many of its events are known.
            told: The trial that is known to run.

        Returns:
            The trial that runs, and the events after those known.
        """
        with self._news:
            if message == self._message:
                del self._events[: seen - self._confirmed]
                self._confirmed = seen
                self._news.notify_all()
            self._news.wait_for(lambda: self._has_news(message, told), _PATIENCE)
            if message != self._message or self._is_over:
                return None, []
            self._told = self._running
            return self._running, list(self._events)

    @ray.method(concurrency_group="watch")
    def cancel(self, message: int, number: int) -> None:
        """Stops a trial of a message at its next report, or before it begins."""
        with self._news:
            if message >= self._message:
                self._cancelled.add((message, number))

    @ray.method(concurrency_group="live")
    def live(self) -> None:
        """Never returns: what this comes to is known when the process is gone."""
        threading.Event().wait()

    def _has_news(self, message: int, told: int | None) -> bool:
        if message != self._message:
            return message < self._message
        return self._is_over or bool(self._events) or self._running not in {None, told}

    def _end(self, job: Job) -> Completed | Failed | Stopped:
        def receive(report: Report) -> None:
            with self._news:
                self._events.append(plain_report(job.number, report))
                self._news.notify_all()
            if self._is_cancelled(job.number):
                raise TrialStopped

        if self._is_cancelled(job.number):
            return Stopped(job.number, 0.0)
        with self._news:
            self._running = job.number
            self._news.notify_all()
        begin = time.monotonic()
        try:
            return run(self._assignment, job, receive)
        except SystemExit as error:
            failure = Failure("SystemExit", f"the evaluation called exit({reprlib.repr(error.code)})", "", "")
        except BaseException as error:  # noqa: BLE001  (meant for a process; this one has other trials to run)
            failure = Failure.from_exception(error)
        return Failed(job.number, failure, time.monotonic() - begin)

    def _note(self, end: Completed | Failed | Stopped, *, is_last: bool) -> None:
        with self._news:
            self._events.append(plain_end(end))
            self._running = None
            self._news.notify_all()
            if self._told == end.number and not is_last:
                self._news.wait_for(lambda: not self._events)
            self._told = None

    def _is_cancelled(self, number: int) -> bool:
        return (self._message, number) in self._cancelled
