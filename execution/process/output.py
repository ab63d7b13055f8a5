"""What workers print: read as it comes, and the end of what each trial printed kept."""

from __future__ import annotations

import fcntl
import logging
import mmap
import os
import re
import select
import sys
import termios
from dataclasses import replace
from pathlib import Path

from retiarii.engine import Failure

_log = logging.getLogger(__name__)

KEPT = 1 << 16
"""The bytes kept of what a trial prints: the last ones."""

FILE = "output.txt"
"""Where they are, in the folder of the trial."""

_PIECE = 1 << 16
_MOST = 1 << 20  # no pipe holds more, so that what was printed before is read
_NOTHING = bytes(4)
_MARK = re.compile(rb"\x00end of trial \d+\x00")


def shared_byte() -> int:
    """The file descriptor of a byte that processes share, which is 0; -1 on systems that have no such thing."""
    if sys.platform != "linux":
        return -1
    file = os.memfd_create("retiarii")
    os.write(file, b"\x00")
    return file


class Marks:
    """Marks, in what a worker prints, where trials end; those that print nothing cost nothing.

    Args:
        shared: The file descriptor of a shared byte, as the `Output` on the other side has it.
    """

    def __init__(self, shared: int) -> None:
        self._end = os.dup(1)  # which an evaluation may close, or lead elsewhere
        self._is_held = mmap.mmap(shared, 1)
        if shared < 0:
            self._is_held[0] = 1

    def end(self, number: int) -> bool:
        """Marks that what comes next is no more of this trial, if something may have come; returns whether it did."""
        if not (self._is_unread() or self._is_held[0]):
            return False
        self.wait_for_room()
        os.write(self._end, _mark(number))
        return True

    def wait_for_room(self) -> None:
        """Makes all wait that print while there is no room, whatever an evaluation, or a child of it, has arranged."""
        os.set_blocking(self._end, True)

    def _is_unread(self) -> bool:
        """Whether there is something that the other side has not read yet."""
        return fcntl.ioctl(self._end, termios.FIONREAD, _NOTHING) != _NOTHING


class Output:
    """The printed output of one worker.

    Args:
        end: The file descriptor of the pipe that it prints into; it is read when there is something to read.
        shared: That of a shared byte. It is 1 while something has been read that is not known to be marked, so that
            the worker knows about it whatever it printed, and whenever that was read.
    """

    def __init__(self, end: int, shared: int) -> None:
        self._end = end
        self._is_held = mmap.mmap(shared, 1)
        self._read = bytearray()
        self._ready = select.poll()
        self._ready.register(end, select.POLLIN)
        self.is_over = False

    def fileno(self) -> int:
        return self._end

    def read(self) -> None:
        """Reads all that is there."""
        self._is_held[0] = 1
        count = 0
        while not self.is_over and count < _MOST and self._ready.poll(0):
            data = os.read(self._end, _PIECE)
            count += len(data)
            self.is_over = not data
            self._read += data
            if len(self._read) > 2 * KEPT:
                del self._read[:-KEPT]

    def of(self, number: int) -> bytes:
        """The end of what a trial printed, which is taken out; the worker has marked where it ends."""
        self.read()
        printed, mark, rest = self._read.partition(_mark(number))
        if not mark:
            return b""  # more than what is kept was printed since
        self._read = rest
        self._is_held[0] = bool(rest)
        return bytes(printed[-KEPT:])

    def rest(self) -> bytes:
        """The end of what was printed since the last trial ended."""
        self.read()
        last = max((mark.end() for mark in _MARK.finditer(self._read)), default=0)
        return bytes(self._read[last:][-KEPT:])

    def close(self) -> None:
        self._is_held.close()
        os.close(self._end)
        self._end = -1


def keep(printed: bytes, folder: str | None) -> None:
    """Writes what a trial printed, if it did, into its folder, if it has one."""
    if not printed or folder is None:
        return
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        Path(folder, FILE).write_bytes(printed)
    except OSError as error:  # a search goes on without this
        _log.warning("what a trial printed can't be written: %s", error)


def with_output(printed: bytes, failure: Failure) -> Failure:
    """A failure, with what its trial has printed."""
    tail = printed.decode("utf-8", "backslashreplace")
    return replace(failure, text=f"{failure.text}\nThe trial printed:\n{tail}") if tail else failure


def _mark(number: int) -> bytes:
    return f"\x00end of trial {number}\x00".encode()
