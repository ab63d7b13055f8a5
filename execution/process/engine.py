"""Trials in worker processes of this machine."""

from __future__ import annotations

import logging
import os
import pickle
import socket
import time
from collections.abc import Callable, Sequence
from itertools import chain

from retiarii.engine import Assignment, Engine, Event, Failed, Failure, Job
from retiarii.errors import ExperimentError
from retiarii.execution.checks import TAKEN, checked_count, checked_seconds
from retiarii.execution.process.agenda import Agenda
from retiarii.execution.process.channel import Closed, Garbled
from retiarii.execution.process.crew import Crew
from retiarii.execution.process.limits import Limits
from retiarii.execution.process.messages import Message, Word, encoded, heard
from retiarii.execution.process.output import keep, with_output
from retiarii.execution.process.resources import Devices, cores, gpus
from retiarii.execution.process.sharing import Sharing
from retiarii.execution.process.spawned import Spawned
from retiarii.execution.shipping import packed

_log = logging.getLogger(__name__)

_TO_CRASH = 1.0
_LONG = 3600.0
_SOON = 0.02


class ProcessEngine(Engine):
    """Runs trials in processes of this machine, each of which serves many trials.

    A trial that crashes its process, or takes more than it may, ends alone, as failed with the reason, and its worker
    is replaced. So is a worker whose trial has left processes or busy threads behind, which end then. What a trial
    prints is kept, the last 64 KiB of it, in `output.txt` in the folder of the trial. Models, evaluators and functions
    may come from `__main__`, from notebooks and from within functions. Only for POSIX systems.

    Args:
        workers: How many; by default one for each GPU, or each usable core where there are none. The cores are shared
            out: `OMP_NUM_THREADS` and its like are set for the workers, unless they are set to less already.
        trial_timeout: Seconds that a trial may take; without it, one that hangs does so for ever.
        memory_limit: What a worker and the processes it starts may hold in memory: bytes, or a text such as "4GB". One
            that still holds more than half of it after the trials of a message is replaced.
        devices: The GPUs that are shared out among the workers, one for each ("auto": all that are visible); or "cpu".
        trials_per_message: How many trials a worker is given at once; more are faster where trials are short. With
            several workers and no memory_limit, one whose trials take less than 20 ms has the next message already, and
            one whose trials take less than 1 ms and come one by one has seven.

    Raises:
        ExperimentError: an argument is not what it should be.
    """

    def __init__(
        self,
        workers: int | None = None,
        *,
        trial_timeout: float | None = None,
        memory_limit: int | str | None = None,
        devices: Devices = "auto",
        trials_per_message: int = 1,
    ) -> None:
        found = gpus(devices)
        self.workers = len(found) or cores() if workers is None else checked_count("workers", workers)
        self.trials_per_message = checked_count("trials_per_message", trials_per_message)
        self.devices = devices
        self.trial_timeout = None if trial_timeout is None else checked_seconds(trial_timeout)
        self.memory_limit = memory_limit
        self._limits = Limits(self.trial_timeout, memory_limit)
        self._sharing = Sharing(trials_per_message, goes_ahead=self.workers > 1 and memory_limit is None)
        self._agenda = Agenda(socket.gethostname())
        self._crew: Crew | None = None

    def open(self, assignment: Assignment) -> None:
        """Starts the workers and waits until one of them is ready."""
        if os.name != "posix":
            raise ExperimentError("ProcessEngine runs on POSIX systems only; use SequentialEngine here")
        if self._crew is not None:
            raise ExperimentError(TAKEN)
        try:
            self._folder_of = assignment.folder_of
            self._crew = Crew(self.workers, self.devices, packed(assignment))
            while not any(worker.is_ready for worker in self._crew.workers):
                self._work(self._crew, _LONG)
        except BaseException:
            self.close()
            raise

    @property
    def room(self) -> int:
        if self._crew is None or self._agenda.again:
            return 0
        wanted = sum(map(self._sharing.wanted, self._crew.workers))
        return max(0, self.trials_per_message * wanted - len(self._agenda.waiting))

    def submit(self, jobs: Sequence[Job]) -> None:
        self._agenda.waiting.extend(jobs)
        if self._crew is not None:
            self._hand_out(self._crew)

    def advance(self, listen: Callable[[Event], None], timeout: float) -> None:
        until = time.monotonic() + timeout
        has_told, is_done = self._agenda.tell(listen)
        while self._crew is not None:
            if has_told:  # that a trial begins, say: soon it is not short any more, and to be recorded as running
                until = min(until, time.monotonic() + _SOON)
            is_done = is_done or not self._has_work(self._crew)
            self._work(self._crew, 0.0 if is_done else until - time.monotonic())
            has_told, is_more = self._agenda.tell(listen)
            if is_more or is_done or time.monotonic() >= until:
                return

    def cancel(self, number: int) -> None:
        if self._crew is None or self._agenda.cancel(number):
            return
        for worker in self._crew.workers:
            if any(job.number == number for job in worker.jobs):
                self._crew.send(worker, [pickle.dumps(number)])

    def close(self) -> None:
        self._agenda = Agenda(socket.gethostname())
        crew, self._crew = self._crew, None
        if crew is not None:
            crew.close()

    def _has_work(self, crew: Crew) -> bool:
        return bool(self._agenda.waiting or self._agenda.again) or any(worker.jobs for worker in crew.workers)

    def _work(self, crew: Crew, seconds: float) -> None:
        """Waits for workers, up to some time, and does what there is to do."""
        for worker in crew.wait(min(seconds, self._limits.next_look - time.monotonic())):
            self._hear(crew, worker)
        if time.monotonic() >= self._limits.next_look:
            self._look(crew)
        self._hand_out(crew)

    def _hand_out(self, crew: Crew) -> None:
        """Sends jobs to workers, first of all to those that have the fewest."""
        agenda = self._agenda
        if not (agenda.waiting or agenda.again):
            return
        given: dict[int, list[list[Job]]] = {}
        places = self._sharing.places(crew.workers)
        for before, worker in enumerate(places):
            if jobs := agenda.share(len(places) - before, self.trials_per_message):
                given.setdefault(worker.place, []).append(jobs)
        for place, messages in given.items():
            self._send(crew, crew.workers[place], messages)

    def _send(self, crew: Crew, worker: Spawned, messages: Sequence[Sequence[Job]]) -> None:
        if not crew.send(worker, [_packed(jobs) for jobs in messages]):
            self._agenda.come_back(chain(*messages))  # what the worker died of is found out when it is heard out
            return
        is_first = not worker.jobs
        for jobs in messages:
            worker.give(jobs)
        if is_first:
            self._begin(worker, worker.sent)

    def _begin(self, worker: Spawned, moment: float) -> None:
        """The first job of a worker began at that moment."""
        worker.is_spoken_of = False
        self._limits.begin(worker, moment)
        self._agenda.begins(worker.jobs[0].number)

    def _hear(self, crew: Crew, worker: Spawned) -> None:
        try:
            self._take_all(crew, worker, worker.channel.receive(wait=False))
        except Closed:
            worker.await_end(time.monotonic() + _TO_CRASH)
            self._replace(crew, worker)
        except Garbled as error:
            message = f"the trial, or what it started, wrote into the socket of its worker, which was killed: {error}"
            if self._take_all(crew, worker, error.before):
                self._replace(crew, worker, Failure("worker died", message, "", message))

    def _take_all(self, crew: Crew, worker: Spawned, messages: Sequence[Sequence[Message]]) -> bool:
        """Takes what a worker says; whether it has not been replaced for that."""
        for message in chain(*messages):
            self._take(crew, worker, message)
            if crew.workers[worker.place] is not worker:
                return False  # what else it says, of things left behind, say, matters no more
        return True

    def _take(self, crew: Crew, worker: Spawned, message: Message) -> None:
        match message[0]:
            case Word.COMPLETED | Word.FAILED | Word.STOPPED | Word.INTERRUPTED:
                self._end(crew, worker, message)
            case Word.REPORTED:
                worker.is_spoken_of = True
                self._agenda.reports(message[1], message[2])
            case Word.RUNNING:
                worker.is_spoken_of = worker.jobs[0].number == message[1]
            case Word.READY:
                self._limits.is_ready(worker)
                crew.is_ready(worker)
            case Word.REFUSED:
                raise ExperimentError(f"a worker can't load the evaluator and the model space:\n{message[1]}")
            case Word.LEFTOVERS:
                _log.warning("trial %d left behind: %s", message[1], ", ".join(message[2]))
                self._replace(crew, worker, blames=False)

    def _end(self, crew: Crew, worker: Spawned, message: Message) -> None:
        _, number, moment, is_marked, duration, *_ = message
        worker.take_off()
        self._sharing.ends(worker, duration)
        if is_marked:
            keep(worker.output.of(number), self._folder_of(number))
        self._agenda.ends(heard(message))
        if worker.jobs:
            self._begin(worker, max(moment, worker.sent))
        elif self._limits.has_leaked(worker):
            _log.warning("worker %d has kept memory after trial %d, and is replaced", worker.place, number)
            self._replace(crew, worker, blames=False)

    def _look(self, crew: Crew) -> None:
        """Looks for what nobody tells: that a worker has gone, or a trial takes too much."""
        for worker in [*crew.workers]:
            worker.look()
            if worker.has_ended() and self._is_there(crew, worker):
                self._replace(crew, worker)
        for worker in [*crew.workers]:
            if self._limits.is_late(worker) and self._is_there(crew, worker) and self._limits.is_late(worker):
                self._replace(crew, worker, self._limits.lateness())
        for worker, failure in self._limits.greedy([*crew.workers]):
            jobs = [*worker.jobs]
            if self._is_there(crew, worker) and jobs == [*worker.jobs]:  # else it may have been the last one
                self._replace(crew, worker, failure)
        self._limits.looked(crew.workers)

    def _is_there(self, crew: Crew, worker: Spawned) -> bool:
        """Hears a worker out; whether it has not been replaced after that."""
        self._hear(crew, worker)
        return crew.workers[worker.place] is worker

    def _replace(self, crew: Crew, worker: Spawned, failure: Failure | None = None, *, blames: bool = True) -> None:
        """Ends a worker, and starts another.

        Args:
            crew: Those that it belongs to.
            worker: It may have ended already.
            failure: Why; None if it has died.
            blames: Whether a trial is to blame; where it can't be said which, they run again, one by one.
        """
        printed = worker.output.rest()
        ending = crew.replace(worker)
        jobs = worker.jobs
        if blames:
            _log.warning("worker %d is replaced: %s", worker.place, failure.message if failure is not None else ending)
        if blames and jobs and (len(jobs) == 1 or worker.is_spoken_of or not worker.is_sharing):
            job = jobs.popleft()
            keep(printed, self._folder_of(job.number))
            failure = with_output(printed, failure if failure is not None else ending.failure())
            self._agenda.ends(Failed(job.number, failure, time.monotonic() - worker.began))
        self._agenda.come_back(jobs)


def _packed(jobs: Sequence[Job]) -> bytes:
    return pickle.dumps([encoded(job) for job in jobs], pickle.HIGHEST_PROTOCOL)
