"""A place in a cluster where one trial runs at a time, as the engine sees it."""

from __future__ import annotations

import itertools
import math
import socket
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import ActorDiedError, ActorUnavailableError, RayError

from retiarii.engine import Event, Job, Reported, Started, Stopped
from retiarii.execution.ray.actor import GROUPS, TrialActor
from retiarii.execution.ray.cluster import is_alive
from retiarii.execution.ray.message import PlainEvent, event, packed, plain_job, unpacked

_SHORT = 0.05
_PAUSE = 0.02
_SILENCE = 1.0
_DOUBT = 20.0
_AHEAD = 0.02
_MANY = 4

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A message that the actor has, or will have."""

    number: int
    jobs: Sequence[Job]
    answer: Any


class Place:
    """Holds an actor, sends it messages of jobs, and learns what becomes of them.

    An actor whose message takes longer than a moment is asked how far it is; short trials cost nothing but the message.

    Args:
        options: Of the actor.
        assignment: A reference to what all trials have in common, packed.
        most: How many messages it may hold.

    Attributes:
        jobs: Those of all messages on their way whose end is not known, by number, in their order.
        told: The trial that is known to run; None while that is not known.
        since: When the trial began that runs, as far as is known; in seconds of the monotonic clock.
        has_been_ready: Whether an actor has been ready here, since the last one was lost with its node.
        host: Where trials run.
    """

    def __init__(self, options: Mapping[str, Any], assignment: Any, most: int) -> None:
        remote: Any = ray.remote  # its overloads know no groups
        self._make = remote(**options, concurrency_groups=GROUPS)(TrialActor).remote
        self._assignment = assignment
        self._most = most
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
        self._took: deque[float] = deque(maxlen=_MANY)
        self._sent: deque[_Sent] = deque()
        self._known = self._seen = 0
        self._hear_at = self._heard_since = 0.0
        self._started: int | None = None
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
        return self._loading is None and self._asking is None

    @property
    def wanted(self) -> int:
        """How many messages to hold: as many as take 20 ms together, if they take as long as the last few."""
        if len(self._took) < _MANY:
            return 1
        return max(1, min(self._most, int(_AHEAD / max(self._took))))

    @property
    def held(self) -> int:
        """How many messages are on their way."""
        return len(self._sent)

    @property
    def is_loading(self) -> bool:
        """Whether the actor has not taken the assignment yet."""
        return self._loading is not None

    @property
    def awaited(self) -> list[Any]:
        """References to what will come from the actor."""
        references = (self._loading, self._hearing, self._asking)
        answers = (self._sent[self._enough].answer,) if self._sent else ()
        return [*(reference for reference in references if reference is not None), *answers]

    @property
    def _enough(self) -> int:
        """Which message is waited for: the first if it is a long one, or else that which makes room for several."""
        if self._hearing is not None or self.told is not None:
            return 0
        return max(0, len(self._sent) - self.wanted // 2 - 1)

    def come_with(self, reference: Any) -> list[Any]:
        """What has come once a reference of `awaited` has: the answers before it, in their order, and itself."""
        answers = [sent.answer for sent in self._sent]
        return answers[: answers.index(reference) + 1] if reference in answers else [reference]

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

    def send(self, jobs: Sequence[Job], *, are_suspect: bool = False) -> None:
        """Sends jobs, as one message; it waits there for the end of those before it.

        Args:
            jobs: Not none.
            are_suspect: Whether one of them may end the process, so that nothing should wait behind them.
        """
        if are_suspect:
            self._took.clear()
        number = next(_numbers)
        answer = self._actor.run.remote(packed((number, self._known, [plain_job(job) for job in jobs])))
        self._sent.append(_Sent(number, jobs, answer))
        self.jobs.update((job.number, job) for job in jobs)
        if len(self._sent) == 1:
            self._begin(_SHORT)

    def cancel(self, number: int) -> None:
        """Asks for the end of a trial of a message."""
        for sent in self._sent:
            if any(job.number == number for job in sent.jobs):
                self._actor.cancel.remote(sent.number, number)

    @property
    def hear_at(self) -> float:
        """When to ask how far the first message is; infinity where there is none, or an answer comes first."""
        return math.inf if not self._sent or self._hearing is not None else self._hear_at

    def hear(self) -> None:
        """Asks how far the message is."""
        self._heard_since = time.monotonic()
        self._hearing = self._actor.heard.remote(self._sent[0].number, self._seen, self.told)

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
        self._loading = self._hearing = None
        self._sent.clear()
        self._asking = self._actor.heard.remote(0, 0, None)
        return True

    def take(self, ref: Any) -> list[Event]:
        """What has happened, from a reference of `awaited` that has come; nothing, if it is no longer awaited.

        Raises:
            RayError: the actor is gone, or raised an error.
        """
        is_answer = bool(self._sent) and ref == self._sent[0].answer
        if not is_answer and ref not in (self._loading, self._hearing, self._asking):
            return []
        answer = ray.get(ref)
        if is_answer:
            return self._answered(*unpacked(answer))
        if ref == self._asking:
            self._asked = [-math.inf]
            raise ActorUnavailableError("what it was to return is lost", None)
        if ref == self._loading:
            self._loading = None
            self.host, self._node = answer
            self.has_been_ready = True
            return []
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

    def _begin(self, pause: float) -> None:
        """The first message is the one that counts now; how far it is, is asked after some seconds."""
        self._seen = 0
        self._started = None
        self.since = time.monotonic()
        self._hear_at = self.since + pause

    def _answered(self, seconds: float, first: int, plain: Sequence[PlainEvent]) -> list[Event]:
        heard = self._heard(plain[self._seen - first :])
        self._took.append(seconds)
        self._known = self._sent.popleft().number
        if self._sent:
            self._begin(_SHORT if self.told is None else 0)
        self._hearing = self.told = None
        return heard

    def _news(self, running: int | None, plain: Sequence[PlainEvent]) -> list[Event]:
        heard = self._heard(plain)
        has_ended = self.told is not None and self.told not in self.jobs
        self._hear_at = time.monotonic() + (0 if has_ended else _PAUSE)
        self.told = running
        return heard if running is None else heard + self.begin(running)

    def _heard(self, plain: Sequence[PlainEvent]) -> list[Event]:
        self._seen += len(plain)
        heard: list[Event] = []
        for said in map(event, plain):
            if said.number != self._started and not (isinstance(said, Stopped) and said.duration == 0):
                heard += self.begin(said.number)
            heard.append(said)
            if not isinstance(said, Reported):
                del self.jobs[said.number]
        if plain:
            self.since = time.monotonic()
        return heard
