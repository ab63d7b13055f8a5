"""What tracing does to the whole process: one thread at a time does it, and it is undone whatever happens."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain, starmap
from operator import call
from typing import Any, cast

TURN = threading.RLock()
"""Held by the thread that traces, for torch.fx replaces parts of torch, and by those that change or copy a space.

A forward that is traced must not wait for another thread that does any of this.
"""

if sys.platform != "win32":
    # a process that is forked has no thread that could finish a trace
    os.register_at_fork(before=TURN.acquire, after_in_parent=TURN.release, after_in_child=TURN.release)

Call = tuple[Any, ...]
"""A function that is written in C, and its arguments."""


def at_once(*calls: Iterable[Call]) -> Callable[[], object]:
    """A function that makes all these calls, in this order; no signal can interrupt it, since no Python code runs.

    Args:
        calls: they are looked at when the function is called, so lists may grow until then.
    """
    return partial(deque, starmap(call, chain(*calls)), 0)


def puts_back(owner: Any, name: str) -> Call:
    """The call that gives an owner the attribute that it has now."""
    return setattr, owner, name, vars(owner)[name]


@contextmanager
def unwarned() -> Iterator[None]:
    """While it lasts, nobody is warned.

    Other threads may have replaced the list of filters before it ends, as `warnings.catch_warnings` does, and put back
    the one from before it began: no list keeps what is added here.
    """
    silence = ("ignore", None, Warning, None, 0)
    before = _filters()
    before.insert(0, silence)
    try:
        yield
    finally:
        _remove(silence, before)
        _remove(silence, _filters())


def _remove(silence: tuple[Any, ...], filters: list[Any]) -> None:
    if any(known is silence for known in filters):
        filters.remove(silence)


def _filters() -> list[Any]:
    return cast("list[Any]", warnings.filters)
