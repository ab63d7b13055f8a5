"""Trials on a Ray cluster, or on one of Ray's own making on this machine."""

from __future__ import annotations

import importlib.util
import logging
import math
import re
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from retiarii.engine import Assignment, Engine, Event, Failed, Failure, Interrupted, Job, Stopped
from retiarii.errors import ExperimentError
from retiarii.execution.checks import TAKEN, checked_count, checked_seconds
from retiarii.execution.ray.resources import checked_resources
from retiarii.execution.shipping import packed

if TYPE_CHECKING:
    from ray.exceptions import RayError

    from retiarii.execution.ray.cluster import Cluster
    from retiarii.execution.ray.place import Place

_log = logging.getLogger(__name__)

_FALSE_STARTS = 3
_MOST = 8


class RayEngine(Engine):
    """Runs trials in actors of a Ray cluster, each of which serves many; the space and the evaluator are sent once.

    A trial that raises, hangs, or ends its process fails alone, and the process is replaced. One whose node is lost or
    preempted is interrupted, so that the experiment runs it again. Evaluations run in a thread of the actor, where no
    signal handlers can be set, with as many threads of OpenMP as the trial has CPUs.

    Code of the script, of notebooks, lambdas and closures is sent along. On this machine modules are found where the
    search finds them. Other machines need the same versions of Python, retiarii and whatever else is imported, and the
    modules beside the script: install them, or join the cluster first with `ray.init(address, runtime_env={...})`.
    What a trial writes into its folder stays on its node, unless the nodes share the file system.

    Args:
        address: As `ray.init` takes it, "auto" for the cluster of this machine. By default the one that `RAY_ADDRESS`
            names, or else a new one on this machine, which ends with `close`. A cluster that this process has joined
            already is used in any case.
        workers: How many trials run at a time; by default as many as there is room for.
        resources_per_trial: What a trial takes: "CPU" (1 unless it is said), "GPU", "memory" in bytes, and whatever
            the nodes offer by other names, such as {"CPU": 2, "GPU": 0.5}.
        trial_timeout: In seconds from the start of a trial. One that runs longer is killed, and fails.
        trials_per_message: How many trials are sent to an actor at once. More make sense where a trial takes
            milliseconds. With several workers, one has as many messages as take it 20 ms together, up to 8.

    Raises:
        ExperimentError: Ray is not installed, or an argument makes no sense.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        workers: int | None = None,
        resources_per_trial: Mapping[str, float] | None = None,
        trial_timeout: float | None = None,
        trials_per_message: int = 1,
    ) -> None:
        if importlib.util.find_spec("ray") is None:
            raise ExperimentError("RayEngine needs Ray, which is not installed: pip install 'retiarii[ray]'")
        self.address = address
        self.resources_per_trial = checked_resources(resources_per_trial or {})
        self.workers = None if workers is None else checked_count("workers", workers)
        self.trial_timeout = None if trial_timeout is None else checked_seconds(trial_timeout)
        self.trials_per_message = checked_count("trials_per_message", trials_per_message)
        if workers is None and not any(self.resources_per_trial.values()):
            raise ExperimentError(
                "resources_per_trial asks for nothing; then workers has to say how many run at a time"
            )
        self._cluster: Cluster | None = None
        self._places: list[Place] = []
        self._waiting: deque[Job] = deque()
        self._again: deque[Sequence[Job]] = deque()
        self._ready: deque[Event] = deque()
        self._cancelled: set[int] = set()
        self._false_starts = 0

    def open(self, assignment: Assignment) -> None:
        """Sends the assignment, and waits until one actor has taken it."""
        if self._cluster is not None:
            raise ExperimentError(TAKEN)
        data = packed(assignment)
        import ray  # noqa: PLC0415

        from retiarii.execution.ray.cluster import Cluster  # noqa: PLC0415
        from retiarii.execution.ray.place import Place  # noqa: PLC0415

        self._cluster = Cluster(self.address, self.resources_per_trial, self.workers)
        try:
            count = self._cluster.join()
            reference = ray.put(data)
            options = self._cluster.options()
            for _ in range(count):
                # alone it holds one: history must not depend on how fast things go
                self._places.append(Place(options, reference, most=_MOST if count > 1 else 1))
            while not any(place.is_ready for place in self._places):
                self._look(1.0)
        except BaseException:
            self.close()
            raise
        _log.info("%d workers on Ray; a trial takes %s", count, self.resources_per_trial)

    @property
    def room(self) -> int:
        if self._again or self._ready:
            return 0
        half_empty = (place for place in self._places if place.has_been_ready and 2 * place.held <= place.wanted)
        wanted = sum(place.wanted - place.held for place in half_empty)
        has_nothing = not self._waiting and not any(place.jobs for place in self._places)
        return max(self.trials_per_message * wanted - len(self._waiting), self.trials_per_message if has_nothing else 0)

    def submit(self, jobs: Sequence[Job]) -> None:
        if self._cancelled:
            self._cancelled -= {job.number for job in jobs}
        self._waiting.extend(jobs)

    def advance(self, listen: Callable[[Event], None], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        self._send()
        has_changed = False
        while self._has_work and not has_changed and not self._ready:
            has_changed = self._look(max(deadline - time.monotonic(), 0.0))
            self._end_overdue()
            self._send()
            if time.monotonic() >= deadline:
                break
        while self._ready:
            listen(self._ready.popleft())

    def cancel(self, number: int) -> None:
        for place in self._places:
            if number in place.jobs:
                self._cancelled.add(number)
                place.cancel(number)
                return
        if any(job.number == number for jobs in (self._waiting, *self._again) for job in jobs):
            self._waiting = deque(job for job in self._waiting if job.number != number)
            again = ([job for job in jobs if job.number != number] for jobs in self._again)
            self._again = deque(jobs for jobs in again if jobs)
            self._ready.append(Stopped(number, 0.0))

    def close(self) -> None:
        try:
            for place in self._places:
                place.end()
        finally:
            if self._cluster is not None:
                self._cluster.leave()
            self._cluster = None
            for held in (self._places, self._waiting, self._again, self._ready, self._cancelled):
                held.clear()
            self._false_starts = 0

    @property
    def _limit(self) -> float:
        return math.inf if self.trial_timeout is None else self.trial_timeout

    @property
    def _has_work(self) -> bool:
        return bool(self._waiting or self._again) or any(place.jobs or place.is_loading for place in self._places)

    def _send(self) -> None:
        """Gives messages to places, first of all to those that hold the fewest."""
        for held in range(_MOST):
            if not (self._again or self._waiting):
                return
            ready = [place for place in self._places if place.is_ready and place.held == held < place.wanted]
            for left, place in zip(range(len(ready), 0, -1), ready, strict=True):
                if self._again or self._waiting:
                    self._give(place, left)

    def _give(self, place: Place, sharing: int) -> None:
        """Gives a place a message: jobs that come again, or an equal share of the others, if it is idle."""
        if place.held:
            if not self._again:
                self._send_share(place, 1)
        elif place.is_dead:
            self._replace(place, None, "it died while it was idle")
        elif self._again:
            place.send(self._again.popleft(), are_suspect=True)
        else:
            self._send_share(place, sharing)

    def _send_share(self, place: Place, sharing: int) -> None:
        count = min(self.trials_per_message, -(-len(self._waiting) // sharing))
        place.send([self._waiting.popleft() for _ in range(count)])

    def _look(self, timeout: float) -> bool:
        """Waits for something to come from the places.

        Returns:
            Whether one has become ready.
        """
        from ray import wait  # noqa: PLC0415

        now = time.monotonic()
        for place in self._places:
            if place.hear_at <= now:
                place.hear()
        wake = min(min(place.hear_at, place.overdue_at(self._limit)) for place in self._places)
        awaited = {reference: place for place in self._places for reference in place.awaited}
        come, _ = wait([*awaited], num_returns=1, timeout=max(min(timeout, wake - now), 0.0))
        has_changed = False
        for reference in come:
            place = awaited[reference]
            was_loading = place.is_loading
            for also in place.come_with(reference):
                self._take(place, also)
            has_changed |= was_loading and place.is_ready
        return has_changed

    def _take(self, place: Place, reference: Any) -> None:
        import ray.exceptions as errors  # noqa: PLC0415

        try:
            events = place.take(reference)
        except errors.RayTaskError as error:
            text = re.sub(r"\x1b\[\d+m", "", str(error))
            raise ExperimentError(f"a worker on Ray can't take over what it is to run:\n{text}") from error
        except errors.ActorUnavailableError as error:
            if not place.ask():
                self._replace(place, None, _cause(error))
        except errors.RayError as error:
            self._lose(place, error)
        else:
            self._ready.extend(events)
            self._false_starts = 0 if place.is_ready else self._false_starts

    def _lose(self, place: Place, error: RayError) -> None:
        """Goes on without an actor that is gone."""
        if place.is_blameless(error):
            self._replace(place, None, _cause(error))
            return
        if place.is_loading:
            self._false_starts += 1
        if self._false_starts == _FALSE_STARTS:
            raise ExperimentError(f"workers on Ray end before they can run anything:\n{error}") from error
        message = "the worker died: killed, out of memory, or crashed"
        self._replace(place, Failure("worker died", message, "", f"{message}\n{error}"), message)

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for place in self._places:
            if place.overdue_at(self._limit) <= now and not place.has_come:
                message = f"a trial ran longer than trial_timeout={self.trial_timeout:g} s, and was killed"
                self._replace(place, Failure("time limit", message, "", message), message)

    def _replace(self, place: Place, failure: Failure | None, reason: str) -> None:
        """Ends the trial that was running in a place, as failed or as interrupted. The others run again.

        Where it is not known which was running, each of them runs by itself.
        """
        left = [*place.jobs.values()]
        is_known = place.told is not None or (failure is not None and len(left) == 1)
        if is_known:
            job = place.jobs[place.told] if place.told is not None else left[0]
            left.remove(job)
            self._ready.extend(place.begin(job.number))
            self._ready.append(self._cut_off(job.number, time.monotonic() - place.since, failure, reason))
        _log.warning("a worker on %s is replaced: %s", place.host or "Ray", reason)
        place.end()
        place.start(is_lost_with_node=failure is None)
        self._repeat(left, one_by_one=failure is not None and not is_known)

    def _cut_off(self, number: int, duration: float, failure: Failure | None, reason: str) -> Event:
        if failure is not None:
            return Failed(number, failure, duration)
        return Stopped(number, duration) if number in self._cancelled else Interrupted(number, reason)

    def _repeat(self, jobs: Sequence[Job], *, one_by_one: bool) -> None:
        """Lets jobs run that were sent, but can't have begun, or whose ends are not known."""
        self._ready.extend(Stopped(job.number, 0.0) for job in jobs if job.number in self._cancelled)
        kept = [job for job in jobs if job.number not in self._cancelled]
        size = 1 if one_by_one else self.trials_per_message
        self._again.extend(kept[first : first + size] for first in range(0, len(kept), size))


def _cause(error: Exception) -> str:
    """What Ray says about a lost node, without its table of the actor's particulars."""
    lines = (line.strip() for line in str(error).splitlines() if not re.match(r"\t\w+: ", line))
    return f"its node was lost, or the way there: {' '.join(lines)}"
