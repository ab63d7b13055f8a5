"""The standard streams of the process, whatever the shell or the reader has done to them."""

from __future__ import annotations

import io
import os
import sys
from typing import Any, TextIO


class _Deaf(io.FileIO):
    """A file whose writer goes on where nobody reads any more, or the disk is full."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def open_closed_streams() -> None:
    """Something to write to where the shell has closed stdout or stderr, lest a record be opened in its place."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  for as long as the process lives
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def outlive_readers() -> None:
    """Lets the process go on where nobody reads what it says: a search of days doesn't end with the `tee` behind it."""
    sys.stdout, sys.stderr = _outliving(sys.stdout), _outliving(sys.stderr)


def _outliving(stream: TextIO) -> TextIO:
    """What writes to the same place; the stream itself if somebody has put it in place of the process's own."""
    if stream not in (sys.__stdout__, sys.__stderr__):
        return stream
    stream.flush()
    writer = io.BufferedWriter(_Deaf(stream.fileno(), "w", closefd=False))
    is_by_line = bool(stream.line_buffering)
    return io.TextIOWrapper(writer, encoding=stream.encoding, errors=stream.errors, line_buffering=is_by_line)
