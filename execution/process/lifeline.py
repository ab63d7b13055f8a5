"""How a worker ends when the process that started it has gone, whatever it is doing."""

from __future__ import annotations

import os
import select
import threading

from retiarii.execution.process.descendants import kill

_PATIENCE = 1.0


def end_with(lifeline: int) -> None:
    """Kills this process and all that it has started as soon as the process that started it has gone.

    Args:
        lifeline: The reading end of a pipe, of which that process holds the other end.
    """
    threading.Thread(target=_watch, args=(lifeline, os.getppid()), name="retiarii-lifeline", daemon=True).start()


def _watch(lifeline: int, parent: int) -> None:
    """Looks at the parent as well: what it has forked may hold the other end of the pipe."""
    poll = select.poll()  # its number may be any: it is that which the parent had for it
    poll.register(lifeline, select.POLLIN)
    while os.getppid() == parent and not poll.poll(_PATIENCE * 1000):
        pass
    kill(os.getpid())
