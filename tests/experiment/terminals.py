"""Terminals that programs write to, and what they show there."""

from __future__ import annotations

import os
import pty
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress


@contextmanager
def terminal():
    """The end that a program is given, and a future of all that has been shown when it is closed."""
    ours, theirs = pty.openpty()
    with ThreadPoolExecutor(1) as reader:
        shown = reader.submit(_read, ours)
        try:
            yield theirs, shown
        finally:
            os.close(theirs)


def _read(end):
    shown = b""
    with suppress(OSError):  # so Linux says that nobody holds the other end any more
        while chunk := os.read(end, 4096):
            shown += chunk
    os.close(end)
    return shown.decode()
