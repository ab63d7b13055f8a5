"""The files that trials leave open in their worker."""

from __future__ import annotations

import errno
import os
import resource
import sys
import time

_MOMENT = 0.001


class Files:
    """The open files of this process: there must not be more than half of those that trials may add to the first ones.

    The first ones are those that are open when this object is made.
    """

    def __init__(self) -> None:
        self._first = _count()
        self._most = self._half()
        self._look = 0.0

    def are_many(self) -> bool:
        """Whether there are too many; this is cheap, and costs nothing a moment after there were few."""
        now = time.monotonic()
        if now < self._look:
            return False
        if _count() > self._most:
            self._most = self._half()  # a trial may have raised the limit
            if _count() > self._most:
                return True
        self._look = now + _MOMENT
        return False

    def left(self) -> list[str]:
        """Describes them, if there are too many."""
        return [f"{_count()} open files"] if self.are_many() else []

    def _half(self) -> float:
        return (self._first + _limit()) / 2


def _limit() -> float:
    """How many files this process may have open."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit


def _count() -> float:
    """How many files are open: the lowest number that is free, since a new file gets that."""
    try:
        free = os.dup(0)
    except OSError as error:
        return _limit() if error.errno == errno.EMFILE else 0  # an evaluation may have closed that very file
    os.close(free)
    return free
