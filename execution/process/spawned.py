"""One worker process, as the process that started it sees it."""

from __future__ import annotations

import logging
import math
import os
import re
import resource
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from retiarii.engine import Failure, Job
from retiarii.execution.process.channel import Channel, Closed
from retiarii.execution.process.descendants import MARK, kill, kill_marked
from retiarii.execution.process.output import Output, shared_byte
from retiarii.execution.process.resources import readable

_log = logging.getLogger(__name__)

_PROGRAM = (
    "import sys; numbers = sys.argv[1:4]; sys.path[:] = sys.argv[4:]; "
    "from retiarii.execution.process.worker import main; main(*map(int, numbers))"
)
_TO_DIE = 5.0
_TO_LOAD = 60.0
_HIGH_WATER = re.compile(r"^VmHWM:\s*(\d+) kB$", re.MULTILINE)
_KIBI = 1 if sys.platform == "darwin" else 1024  # what the peak is counted in


class Spawned:
    """A worker process, from its start on.

    It is started anew with the interpreter of this process and none of its memory, so that no lock or thread of this
    process can harm it; and in a session of its own, so that Ctrl-C does not reach it.

    Args:
        place: Which of the workers it is, counted from 0.
        environment: Its environment variables.

    Attributes:
        place: As given.
        channel: Leads to it, without waiting.
        output: What it prints.
        jobs: What was sent to it and has not ended, in the order in which it runs them.
        sent: When the last of these was sent, by the monotonic clock.
        began: When the first of these began, at the earliest.
        is_spoken_of: Whether the worker has said that it runs that one.
        short: How many trials, up to the last one that ended, took less than 20 ms.
        very_short: How many took less than 1 ms.
        is_ready: Whether it has loaded the assignment.
        memory: The bytes that it held then.

    Raises:
        OSError: no process can be started.
    """

    def __init__(self, place: int, environment: Mapping[str, str]) -> None:
        self.place = place
        self.jobs: deque[Job] = deque()
        self.sent = self.began = 0.0
        self._messages: deque[list[int]] = deque()  # how many of its jobs are left, and how many there were
        self.is_spoken_of = self.is_ready = self._is_let_go = False
        self.memory = self.short = self.very_short = 0
        self._peak = 0
        self._ending: Ending | None = None
        self._overdue = time.monotonic() + _TO_LOAD
        self._mark = secrets.token_hex(8)
        self._open = ExitStack()
        try:
            self._start(environment)
        except BaseException:
            self._open.close()
            raise

    def _start(self, environment: Mapping[str, str]) -> None:
        with ExitStack() as theirs:
            mine, end = socket.socketpair()
            theirs.callback(end.close)
            self.channel = Channel(mine)
            self._open.callback(self.channel.close)
            mine.setblocking(False)
            lifeline, held = os.pipe()
            theirs.callback(os.close, lifeline)
            self._open.callback(os.close, held)
            printed, printing = os.pipe()
            theirs.callback(os.close, printing)
            with ExitStack() as early:
                early.callback(os.close, printed)
                shared = shared_byte()
                if shared >= 0:
                    theirs.callback(os.close, shared)
                self.output = Output(printed, shared)
                early.pop_all()
            self._open.callback(self.output.close)
            passed = (end.fileno(), lifeline, shared)
            paths = [path for path in sys.path if isinstance(path, str)]
            self._process = subprocess.Popen(  # noqa: S603  (this very interpreter)
                [sys.executable, "-c", _PROGRAM, *map(str, passed), *paths],
                stdin=subprocess.DEVNULL,
                stdout=printing,
                stderr=printing,
                env={**environment, MARK: self._mark},
                pass_fds=[number for number in passed if number >= 0],
                start_new_session=True,
            )
            self._peak_of_parent = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            self._seen = psutil.Process(self._process.pid)

    @property
    def number(self) -> int:
        """That of the process."""
        return self._process.pid

    @property
    def held(self) -> int:
        """How many messages of jobs it has."""
        return len(self._messages)

    @property
    def is_sharing(self) -> bool:
        """Whether the first job was sent in a message with others."""
        return bool(self._messages) and self._messages[0][1] > 1

    def give(self, jobs: Sequence[Job]) -> None:
        """Notes that a message of jobs was sent."""
        self.sent = time.monotonic()
        self.jobs.extend(jobs)
        self._messages.append([len(jobs), len(jobs)])

    def take_off(self) -> None:
        """Notes that the first job has ended."""
        self.jobs.popleft()
        self._messages[0][0] -= 1
        if self._messages[0][0] == 0:
            self._messages.popleft()

    def let_go(self) -> None:
        """Lets it leave by itself, without work."""
        self._is_let_go = True
        with suppress(Closed):
            self.channel.send(None)
            self.channel.finish()

    def has_ended(self) -> bool:
        try:
            return self._seen.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    def look(self) -> None:
        """Sees how much memory the process holds now, and says if it loads for long."""
        self._peak = max(self._peak, _peak(self.number))
        if not self.is_ready and time.monotonic() > self._overdue:
            said = "worker %d (process %d) has not loaded the evaluator and the model space yet, and runs no trials"
            _log.warning(said, self.place, self.number)
            self._overdue = math.inf

    def await_end(self, until: float) -> bool:
        """Waits for the process to end by itself, up to a time of the monotonic clock; returns whether it has."""
        while not (ended := self.has_ended()) and time.monotonic() < until:
            time.sleep(0.002)
        return ended

    def end(self) -> Ending:
        """Kills whatever runs of the worker and all it has started, and frees what belongs to it."""
        if self._ending is None:
            had_ended = self.has_ended()
            kill(self.number)
            self._ending = self._reaped()
            if had_ended and not self._is_let_go:
                kill_marked(self._mark)  # nobody knows any more whose children they were
            self._process.returncode = self._ending.code or 0
            self._open.close()
        return self._ending

    def _reaped(self) -> Ending:
        until = time.monotonic() + _TO_DIE
        while time.monotonic() < until:
            try:
                number, status, usage = os.wait4(self.number, os.WNOHANG)
            except ChildProcessError:
                break  # somebody else in this process has waited for it
            if number:
                return self._ending_of(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
            time.sleep(0.001)
        return Ending(None, 0)

    def _ending_of(self, code: int, counted: int) -> Ending:
        """What a process is said to have held counts what its parent held when it was forked."""
        if counted > self._peak_of_parent:
            return Ending(code, counted * _KIBI)
        return Ending(code, self._peak, is_seen=True)


def memory(process: int) -> int:
    """The bytes that a process holds in memory; 0 for one that has gone, or of which the system does not tell."""
    try:
        held: int = psutil.Process(process).memory_info().rss
    except psutil.Error:
        return 0
    return held


def _peak(process: int) -> int:
    """The most bytes that a process has held in memory, as far as the system tells; 0 for one that has gone."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return memory(process)
    known = _HIGH_WATER.search(status)
    return int(known[1]) * 1024 if known else 0


def share_of_memory(process: int) -> int:
    """As `memory`; what several processes share, such as a parent and those that it has forked, is divided among them.

    Where the system does not tell, it is counted whole.
    """
    try:
        shared = getattr(psutil.Process(process).memory_full_info(), "pss", 0)
    except psutil.Error:  # it has gone, or nobody may look
        shared = 0
    return int(shared) or memory(process)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process has ended, and the most bytes it held."""

    code: int | None
    """Its exit code, or the negative number of the signal; None if something else in this process has been told."""

    peak: int
    is_seen: bool = False
    """Whether it may have held more, since this was seen some time before the end."""

    def __str__(self) -> str:
        return f"worker died ({'; '.join(self._details())})"

    def _details(self) -> Iterator[str]:
        least = "at least " if self.is_seen else ""
        peak = f"peak {least}{readable(self.peak)}" if self.peak else ""
        if self.code is None:
            yield "how is not known: something else in this program waits for its children, or ignores SIGCHLD"
        elif self.code >= 0:
            yield f"exit code {self.code}"
        else:
            yield f"signal {-self.code} ({_name(-self.code)})"
            peak = f"was it out of memory? {peak}".rstrip() if self.code == -signal.SIGKILL else peak
        if peak:
            yield peak

    def failure(self) -> Failure:
        return Failure("worker died", str(self), "", str(self))


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
