"""A place in a cluster where one trial runs at a time, as the engine sees it."""

from __future__ import annotations

import itertools
import math
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import ray
from ray.exceptions import ActorDiedError, ActorUnavailableError, RayError

from retiarii.engine import Event, Job, Reported, Started, Stopped
from retiarii.execution.ray.actor import GROUPS, TrialActor
from retiarii.execution.ray.cluster import is_alive
from retiarii.execution.ray.message import PlainEvent, events, plain_job

_SHORT = 0.05
_PAUSE = 0.02
_SILENCE = 1.0
_DOUBT = 20.0

_numbers = itertools.count(1)


class Place:
    """Holds an actor, sends it messages of jobs, and learns what becomes of them.

    An actor whose message takes longer than a moment is asked how far it is; short trials cost nothing but the message.

    Args:
        options: Of the actor.
        assignment: A reference to what all trials have in common, packed.

    Attributes:
        jobs: Those of the message on its way whose end is not known, by number, in their order.
        told: The trial that is known to run; None while that is not known.
        since: When the trial began that runs, as far as is known; in seconds of the monotonic clock.
        has_been_ready: Whether an actor has been ready here, since the last one was lost with its node.
        host: Where trials run.
    """

    def __init__(self, options: Mapping[str, Any], assignment: Any) -> None:
        remote: Any = ray.remote  # its overloads know no groups
        self._make = remote(**options, concurrency_groups=GROUPS)(TrialActor).remote
        self._assignment = assignment
        self.has_been_ready = False
        self.host = ""
        self.start()

    def start(self, *, is_lost_with_node: bool = False) -> None:
        """Makes an actor, and forgets the last one with its jobs."""
        self.jobs: dict[int, Job] = {}
        self.told: int | None = None
        self.since = 0.0
        self.has_been_ready &= not is_lost_with_node
        self._node: str | None = None
        self._message = self._seen = 0
        self._hear_at = self._heard_since = 0.0
        self._started: int | None = None
        self._running: Any = None
        self._hearing: Any = None
        self._asking: Any = None
        self._asked: list[float] = []
        self._actor: Any = self._make()
        self._life = self._actor.live.remote()
        self._loading: Any = self._actor.load.remote(socket.gethostname(), [*sys.path], self._assignment)

    def end(self) -> None:
        """Kills the actor, whatever it does."""
        if ray.is_initialized():
            ray.kill(self._actor)

    @property
    def is_ready(self) -> bool:
        """Whether a message can be sent."""
        return not self.awaited

    @property
    def is_loading(self) -> bool:
        """Whether the actor has not taken the assignment yet."""
        return self._loading is not None

    @property
    def awaited(self) -> list[Any]:
        """References to what will come from the actor."""
        references = (self._loading, self._hearing, self._running, self._asking)
        return [reference for reference in references if reference is not None]

    @property
    def is_dead(self) -> bool:
        """Whether the actor is known to be gone. If it went while it was idle, no trial is to blame."""
        gone, _ = ray.wait([self._life], num_returns=1, timeout=0)
        return bool(gone)

    @property
    def has_come(self) -> bool:
        """Whether something of that is there already."""
        come, _ = ray.wait(self.awaited, num_returns=1, timeout=0)
        return bool(come)

    def send(self, jobs: Sequence[Job]) -> None:
        """Sends jobs, as one message."""
        self._message = next(_numbers)
        self._seen = 0
        self._started = None
        self.jobs = {job.number: job for job in jobs}
        self.told = None
        self.since = time.monotonic()
        self._hear_at = self.since + _SHORT
        self._running = self._actor.run.remote(self._message, [plain_job(job) for job in jobs])

    def cancel(self, number: int) -> None:
        """Asks for the end of a trial of the message."""
        self._actor.cancel.remote(self._message, number)

    @property
    def hear_at(self) -> float:
        """When to ask how far the message is; infinity where there is none, or an answer comes first."""
        return math.inf if self._running is None or self._hearing is not None else self._hear_at

    def hear(self) -> None:
        """Asks how far the message is."""
        self._heard_since = time.monotonic()
        self._hearing = self._actor.heard.remote(self._message, self._seen, self.told)

    def overdue_at(self, limit: float) -> float:
        """When a trial of the message has run for longer than `limit` seconds, as far as is known now."""
        if self.told is not None:
            return self.since + limit
        if self._hearing is None:
            return math.inf
        return max(self.since + limit, self._heard_since + _SILENCE)

    def ask(self) -> bool:
        """Asks whether the actor is still there, after a call has failed without saying so.

        Returns:
            Whether it makes sense; not if that took too long already.
        """
        self._asked.append(time.monotonic())
        if self._asked[-1] - self._asked[0] > _DOUBT:
            return False
        self._loading = self._hearing = self._running = None
        self._asking = self._actor.heard.remote(0, 0, None)
        return True

    def take(self, ref: Any) -> list[Event]:
        """What has happened, from a reference of `awaited` that has come; nothing, if it is no longer awaited.

        Raises:
            RayError: the actor is gone, or raised an error.
        """
        if ref not in self.awaited:
            return []
        answer = ray.get(ref)
        if ref == self._asking:
            self._asked = [-math.inf]
            raise ActorUnavailableError("what it was to return is lost", None)
        if ref == self._loading:
            self._loading = None
            self.host, self._node = answer
            self.has_been_ready = True
            return []
        if ref == self._running:
            self._running = self._hearing = self.told = None
            first, plain = answer
            return self._heard(plain[self._seen - first :])
        self._hearing = None
        return self._news(*answer)

    def is_blameless(self, error: RayError) -> bool:
        """Whether it was not the doing of a trial that the actor was lost: its node was, or the way there."""
        if not isinstance(error, ActorDiedError) or error.preempted:
            return True
        is_lost = self._node is not None and not is_alive(self._node)
        return is_lost or "its node has died" in str(error)

    def begin(self, number: int) -> list[Event]:
        """What there is to say as a trial begins: nothing, if that is known."""
        if number == self._started:
            return []
        self._started = number
        self.since = time.monotonic()
        return [Started(number, self.host)]

    def _news(self, running: int | None, plain: Sequence[PlainEvent]) -> list[Event]:
        heard = self._heard(plain)
        has_ended = self.told is not None and self.told not in self.jobs
        self._hear_at = time.monotonic() + (0 if has_ended else _PAUSE)
        self.told = running
        return heard if running is None else heard + self.begin(running)

    def _heard(self, plain: Sequence[PlainEvent]) -> list[Event]:
        self._seen += len(plain)
        heard: list[Event] = []
        for event in events(plain):
            if not (isinstance(event, Stopped) and event.duration == 0):
                heard += self.begin(event.number)
            heard.append(event)
            if not isinstance(event, Reported):
                del self.jobs[event.number]
                self.since = time.monotonic()
        return heard
