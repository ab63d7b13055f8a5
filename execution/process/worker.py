"""The program of a worker: runs the jobs that come through a socket, one after another, and tells how they end."""

from __future__ import annotations

import faulthandler
import io
import os
import signal
import socket
import sys
import time
import traceback
from collections import deque
from collections.abc import Sequence
from types import FrameType
from typing import Any, TextIO

from retiarii.engine import Assignment, Completed, Failed, Failure, Interrupted, Job, Stopped
from retiarii.evaluator import TrialStopped
from retiarii.execution.process.channel import Channel, Closed
from retiarii.execution.process.descendants import adopt_orphans, kill_descendants
from retiarii.execution.process.leftovers import Leftovers
from retiarii.execution.process.lifeline import end_with
from retiarii.execution.process.messages import End, Message, Outline, Word, decoded, said
from retiarii.execution.process.output import Marks
from retiarii.execution.process.telling import Telling
from retiarii.execution.running import exited, run
from retiarii.execution.shipping import unpacked
from retiarii.trial import Report

_PATIENCE = 0.02
_FORKED = (
    "report_intermediate was called in a process that the evaluation has forked, which ends: hand the value to the "
    "process that evaluates, and report it there"
)


def main(channel: int, lifeline: int, shared: int) -> None:
    """Works until the other side lets it go, or has gone.

    Args:
        channel: The file descriptor of a socket.
        lifeline: That of a pipe; see `end_with`.
        shared: That of a byte; see `Marks`.
    """
    end_with(lifeline)
    sent = _leave_signals_to_the_parent()
    faulthandler.enable()
    adopt_orphans()
    worker = Worker(Channel(socket.socket(fileno=channel)), Marks(shared), sent)
    try:
        worker.work()
    except Closed:
        return
    finally:
        if not worker.is_let_go:  # an evaluation may have failed because nobody reads any more what it prints
            kill_descendants(os.getpid())


class Worker:
    """What runs in a worker process.

    Args:
        channel: Blocking.
        marks: Of what is printed here.
        sent: The signals that have been sent to this process, and ignored.

    Attributes:
        is_let_go: Whether the other side wants no more.
    """

    def __init__(self, channel: Channel, marks: Marks, sent: set[int]) -> None:
        self._channel = channel
        self._sent = sent
        self._marks = marks
        self._telling = Telling(channel, self._sort)
        self._is_forked = False
        self.is_let_go = False
        os.register_at_fork(after_in_child=self._note_fork)
        self._streams = [_spoken_at_once(stream) for stream in (sys.stdout, sys.stderr)]
        self._messages: deque[list[Outline]] = deque()
        self._cancelled: set[int] = set()
        self._look_at = 0.0

    def work(self) -> None:
        """Loads the assignment, which comes first, and runs jobs.

        Raises:
            Closed: the other side has gone.
        """
        arguments, data = self._received(2)
        sys.argv[:] = arguments
        try:
            assignment = unpacked(data)
        except Exception:  # noqa: BLE001  (whatever it is, it is told to whoever sent the assignment)
            self._telling.tell((Word.REFUSED, traceback.format_exc()))
            return
        del data
        self._leftovers = Leftovers()  # what loading has started serves
        self._telling.tell((Word.READY,))
        while not self.is_let_go:
            self._sort(self._channel.receive(wait=True))
            while self._messages:
                self._run(self._messages.popleft(), assignment)

    def _received(self, count: int) -> list[Any]:
        messages: list[Any] = []
        while len(messages) < count:
            messages += self._channel.receive(wait=True)
        return messages

    def _sort(self, messages: Sequence[list[Outline] | int | None]) -> None:
        """Keeps what is to be run, and what is cancelled of that."""
        for message in messages:
            if message is None:
                self.is_let_go = True
            elif isinstance(message, int):
                self._cancelled.add(message)
            else:
                self._messages.append(message)

    def _run(self, outlines: list[Outline], assignment: Assignment) -> None:
        if len(outlines) == 1:
            (outline,) = outlines
            begin = time.monotonic()
            end = self._end(decoded(outline), assignment)
            self._telling.tell(end)
            if not self._messages or end[2] > self._look_at:
                self._see_to_leftovers(outline[0])
            if self._messages and end[2] > begin + _PATIENCE:  # so that more that waits may be taken back meanwhile
                self._sort(self._channel.receive(wait=False))
            return
        with self._telling.little_by_little():
            for outline in outlines:
                self._run_among_others(decoded(outline), assignment)
            self._see_to_leftovers(outlines[-1][0])

    def _run_among_others(self, job: Job, assignment: Assignment) -> None:
        self._telling.runs(job.number)
        is_told = self._telling.tell_soon(self._end(job, assignment))
        if is_told:  # else it was short, and the next ones may be as well
            self._see_to_leftovers(job.number)
            self._sort(self._channel.receive(wait=False))

    def _end(self, job: Job, assignment: Assignment) -> Message:
        """Runs a job, and says how it ended."""
        number = job.number
        if number in self._cancelled:
            return said(Stopped(number, 0.0), time.monotonic(), is_marked=False)
        end = self._evaluated(job, assignment)
        self._leftovers.stop_timers()
        if self._is_forked:
            os._exit(1)  # what the evaluation has forked has come back to here
        self._cancelled.discard(number)
        self._flush()
        return said(end, time.monotonic(), is_marked=self._marks.end(number))

    def _see_to_leftovers(self, number: int) -> None:
        """If trials have left something running, says so, and does nothing more but wait for the end that this means.

        Args:
            number: That of the last trial.
        """
        left = self._leftovers.found()
        self._look_at = time.monotonic() + _PATIENCE
        if left:
            self._telling.tell((Word.LEFTOVERS, number, left))
            while True:
                self._channel.receive(wait=True)

    def _evaluated(self, job: Job, assignment: Assignment) -> End:
        self._sent.clear()
        end = self._outcome(job, assignment)
        if self._sent and isinstance(end, Failed):  # whatever it has started was sent that, too, and has obeyed
            names = " and ".join([signal.Signals(number).name for number in self._sent])
            why = f"its worker was sent {names} while it ran, and it failed: {end.failure.message}"
            return Interrupted(job.number, why)
        return end

    def _outcome(self, job: Job, assignment: Assignment) -> Completed | Failed | Stopped:
        def receive(report: Report) -> None:
            if self._is_forked:
                print(_FORKED, file=sys.stderr)
                raise TrialStopped
            self._telling.report(job.number, report)
            if job.number in self._cancelled:
                raise TrialStopped

        self._telling.begins(job.number)
        begin = time.monotonic()
        try:
            return run(assignment, job, receive)
        except Closed:
            raise
        except SystemExit as error:
            failure = exited(error)
        except BaseException as error:  # noqa: BLE001  (nothing that an evaluation raises is meant for this process)
            failure = Failure.from_exception(error)
        return Failed(job.number, failure, time.monotonic() - begin)

    def _flush(self) -> None:
        try:
            for stream in self._streams:
                stream.flush()
        except BlockingIOError:
            self._marks.wait_for_room()
            self._flush()
        except (OSError, ValueError):  # the evaluation has closed it
            return

    def _note_fork(self) -> None:
        self._is_forked = True


def _spoken_at_once(stream: TextIO) -> TextIO:
    """The stream, with each line of it written when it is printed, so that the last ones before a crash are not lost.

    Text that can't be encoded is no error.
    """
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    return stream


def _leave_signals_to_the_parent() -> set[int]:
    """Makes Ctrl-C and SIGTERM do nothing here: the process that started this one decides when it ends.

    They are not ignored outright, since whatever an evaluation starts would ignore them too.

    Returns:
        Those that were sent from now on.
    """
    process = os.getpid()
    sent: set[int] = set()

    def leave(number: int, frame: FrameType | None) -> None:
        sent.add(number)
        if os.getpid() != process:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    signal.signal(signal.SIGINT, leave)
    signal.signal(signal.SIGTERM, leave)
    return sent
