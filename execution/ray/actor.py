"""The process of a cluster that runs trials, one after another."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence

import ray

from retiarii.engine import Assignment, Completed, Failed, Failure, Job, Stopped
from retiarii.evaluator import TrialStopped
from retiarii.execution.ray.message import PlainEvent, PlainJob, packed, plain_end, plain_report, unpacked
from retiarii.execution.running import exited, run
from retiarii.execution.shipping import unpacked as unpacked_assignment
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
        self._lock = threading.RLock()
        self._news = threading.Condition(self._lock)
        self._waiting = 0
        self._message = self._heard_of = 0
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
        self._assignment: Assignment = unpacked_assignment(data)
        return socket.gethostname(), ray.get_runtime_context().get_node_id()

    @ray.method(concurrency_group="run")
    def run(self, data: bytes) -> bytes:
        """Runs jobs in their order.

        Args:
            data: Packed: the number of the message, and they only grow; that of the last one whose answer was known
                when this one was sent; and the jobs.

        Returns:
            Packed: the seconds that it took, and what has happened, but for so many first events, which are known.
        """
        message: int
        known: int
        jobs: list[PlainJob]
        message, known, jobs = unpacked(data)
        begin = time.monotonic()
        self._begin(message, known)
        for left, fields in enumerate(jobs, 1 - len(jobs)):
            if self._begins(fields[0]):
                self._note(self._end(Job(*fields)), is_last=left == 0)
        with self._lock:
            self._is_over = True
            if self._cancelled:
                self._cancelled = {(of, number) for of, number in self._cancelled if of > message}
            self._tell()
            return packed((time.monotonic() - begin, self._confirmed, self._events))

    @ray.method(concurrency_group="watch")
    def heard(self, message: int, seen: int, told: int | None) -> tuple[int | None, list[PlainEvent]]:
        """Waits until there is something new about a message, for a while.

        Args:
            message: Its number; what came of those before is known.
            seen: How many of its events are known.
            told: The trial that is known to run.

        Returns:
            The trial that runs, and the events after those known.
        """
        with self._lock:
            self._heard_of = max(self._heard_of, message)
            if message == self._message:
                del self._events[: seen - self._confirmed]
                self._confirmed = seen
            self._tell()
            self._wait(lambda: self._has_news(message, told), _PATIENCE)
            if message != self._message or self._is_over:
                return None, []
            self._told = self._running
            return self._running, list(self._events)

    @ray.method(concurrency_group="watch")
    def cancel(self, message: int, number: int) -> None:
        """Stops a trial of a message at its next report, or before it begins."""
        with self._lock:
            if message >= self._message:
                self._cancelled.add((message, number))

    @ray.method(concurrency_group="live")
    def live(self) -> None:
        """Never returns: what this comes to is known when the process is gone."""
        threading.Event().wait()

    def _begin(self, message: int, known: int) -> None:
        """Begins with a message; not before the end of the last trial is known, if that was known to run."""
        with self._lock:
            is_open = self._told is not None and known < self._message
            self._message, self._is_over = message, False
            self._events, self._confirmed = [], 0
            if is_open:
                self._wait(lambda: self._heard_of >= message)
            self._told = None

    def _begins(self, number: int) -> bool:
        """Whether a trial is to run; not if it has been cancelled already."""
        with self._lock:
            if self._is_cancelled(number):
                self._events.append(plain_end(Stopped(number, 0.0)))
                return False
            self._running = number
            self._tell()
            return True

    def _end(self, job: Job) -> Completed | Failed | Stopped:
        def receive(report: Report) -> None:
            with self._lock:
                if self._running != job.number:
                    return  # a thread that the trial has left behind was about to report when it ended
                self._events.append(plain_report(job.number, report))
                self._tell()
            if self._is_cancelled(job.number):
                raise TrialStopped

        begin = time.monotonic()
        try:
            return run(self._assignment, job, receive)
        except SystemExit as error:
            failure = exited(error)
        except BaseException as error:  # noqa: BLE001  (meant for a process; this one has other trials to run)
            failure = Failure.from_exception(error)
        return Failed(job.number, failure, time.monotonic() - begin)

    def _note(self, end: Completed | Failed | Stopped, *, is_last: bool) -> None:
        with self._lock:
            self._events.append(plain_end(end))
            self._running = None
            self._tell()
            if self._told is not None and not is_last:
                self._wait(lambda: not self._events)
                self._told = None

    def _has_news(self, message: int, told: int | None) -> bool:
        if message != self._message:
            return message < self._message
        return self._is_over or bool(self._events) or self._running not in {None, told}

    def _is_cancelled(self, number: int) -> bool:
        return (self._message, number) in self._cancelled

    def _tell(self) -> None:
        """Wakes those that wait for news, where there are any; with the lock held, as all that follow."""
        if self._waiting:
            self._news.notify_all()

    def _wait(self, condition: Callable[[], bool], seconds: float | None = None) -> None:
        self._waiting += 1
        try:
            self._news.wait_for(condition, seconds)
        finally:
            self._waiting -= 1
