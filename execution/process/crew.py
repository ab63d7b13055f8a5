"""The workers of an engine: started, listened to, replaced and ended together."""

from __future__ import annotations

import logging
import pickle
import select
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from retiarii.errors import ExperimentError
from retiarii.execution.process.channel import Closed
from retiarii.execution.process.output import Output
from retiarii.execution.process.resources import Devices, environment
from retiarii.execution.process.spawned import Ending, Spawned

_log = logging.getLogger(__name__)

_TRIES = 3
_TRIES_LATER = 20  # it has worked before, so that something else is likely to kill them
_PATIENCE = 1.0
_GOING = select.POLLIN | select.POLLOUT


class Crew:
    """Worker processes that all have the same assignment.

    Args:
        count: How many there are.
        devices: What they share out.
        assignment: As `packed` gives it.

    Raises:
        ExperimentError: no process can be started.
    """

    def __init__(self, count: int, devices: Devices, assignment: bytes) -> None:
        self.workers: list[Spawned] = []
        self._count = count
        self._devices = devices
        self._assignment = pickle.dumps(assignment)
        self._poll = select.poll()
        self._by_file: dict[int, Spawned | Output] = {}
        self._behind: set[int] = set()
        self._died_early = 0
        self._tries = _TRIES
        try:
            for place in range(count):
                self.workers.append(self._started(place))
        except BaseException:
            self.close()
            raise

    def wait(self, seconds: float) -> list[Spawned]:
        """Waits until a worker has something to say, and returns those that have; reads what is printed."""
        speaking = []
        for file, what in self._poll.poll(max(0.0, seconds) * 1000):
            known = self._by_file[file]
            if isinstance(known, Output):
                self._read(known)
                continue
            if what & select.POLLOUT:
                self._send_rest(known)
            if what & ~select.POLLOUT:
                speaking.append(known)
        return speaking

    def send(self, worker: Spawned, messages: Sequence[bytes]) -> bool:
        """Sends what pickle made of messages, or as much of that as there is room for now, and the rest later.

        Returns:
            Whether the worker is there to read it.
        """
        channel = worker.channel
        try:
            channel.send_bytes(messages)
        except Closed:
            return False
        if channel.is_behind:
            self._look_for_room(worker)
        return True

    def is_ready(self, worker: Spawned) -> None:
        """Notes that a worker has loaded the assignment."""
        worker.is_ready = True
        self._died_early = 0
        self._tries = _TRIES_LATER

    def replace(self, worker: Spawned) -> Ending:
        """Ends a worker and starts another in its place.

        Raises:
            ExperimentError: several in a row have died before they were ready, or no process can be started.
        """
        printed = worker.output.rest().decode("utf-8", "backslashreplace")
        ending = self._ended(worker)
        self._died_early += not worker.is_ready
        if self._died_early >= self._tries:
            raise ExperimentError(
                f"{self._died_early} workers in a row died before they had loaded the evaluator and the model space: "
                f"{ending}\n{printed}".rstrip()
            )
        self.workers[worker.place] = self._started(worker.place)
        return ending

    def close(self) -> None:
        """Ends all workers: those that have nothing to do may leave by themselves, the others are killed."""
        leaving = [worker for worker in self.workers if worker.is_ready and not worker.jobs]
        try:
            for worker in self.workers:
                if worker not in leaving:
                    self._ended(worker)
            for worker in leaving:
                worker.let_go()
            until = time.monotonic() + _PATIENCE
            for worker in leaving:
                worker.await_end(until)
        finally:
            for worker in self.workers:
                self._ended(worker)
            self.workers = []

    def _started(self, place: int) -> Spawned:
        try:
            worker = Spawned(place, environment(place, self._count, self._devices))
        except OSError as error:
            raise ExperimentError(f"worker {place} of {self._count} can't be started: {error}") from error
        try:
            for end in (worker.channel, worker.output):
                self._by_file[end.fileno()] = worker if end is worker.channel else worker.output
                self._poll.register(end, select.POLLIN)
            self.send(worker, [pickle.dumps(sys.argv), self._assignment])
        except BaseException:
            self._ended(worker)
            raise
        _log.info("worker %d is process %d", place, worker.number)
        return worker

    def _send_rest(self, worker: Spawned) -> None:
        with suppress(Closed):
            worker.channel.flush()
        self._look_for_room(worker)

    def _look_for_room(self, worker: Spawned) -> None:
        """Sees that it is heard when a worker has read what holds up the rest."""
        file = worker.channel.fileno()
        if worker.channel.is_behind != (file in self._behind):
            self._behind ^= {file}
            self._poll.modify(file, _GOING if worker.channel.is_behind else select.POLLIN)

    def _ended(self, worker: Spawned) -> Ending:
        for end in (worker.channel, worker.output):
            self._forget(end.fileno())
        return worker.end()

    def _read(self, output: Output) -> None:
        output.read()
        if output.is_over:
            self._forget(output.fileno())

    def _forget(self, file: int) -> None:
        if self._by_file.pop(file, None) is not None:
            self._poll.unregister(file)
            self._behind.discard(file)
