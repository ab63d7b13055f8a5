"""What keeps searches that run at the same time, in threads, from sharing what learns."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from retiarii.errors import ExperimentError
from retiarii.one_shot import OneShotStrategy
from retiarii.stopper import Stopper
from retiarii.strategy import Strategy

_LOCK = threading.Lock()
_claimed: dict[int, tuple[object, Path]] = {}
"""By id, each with the folder of its search."""


@contextmanager
def claimed(folder: Path, strategy: Strategy | OneShotStrategy, stopper: Stopper | None) -> Iterator[None]:
    """While it is active, a strategy with those inside it, and a stopper, are those of the search in a folder.

    Of a search in the same folder nothing is said: its record says that it is taken.

    Raises:
        ExperimentError: one of them is that of another search of this process.
    """
    parts = [*_within(strategy), *([] if stopper is None else [stopper])]
    with _LOCK:
        for part in parts:
            if _claimed.get(id(part), (part, folder))[1] != folder:
                does = "stops trials of" if part is stopper else "searches"
                raise ExperimentError(
                    f"this {type(part).__name__} {does} another experiment at the moment; make one for each"
                )
        claims = {id(part): (part, folder) for part in parts if id(part) not in _claimed}
        _claimed.update(claims)
    try:
        yield
    finally:
        with _LOCK:
            for number in claims:
                del _claimed[number]


@contextmanager
def lent(strategy: Strategy) -> Iterator[bool]:
    """While it is active, no search gets a strategy; it says whether that is so, for one may have it already."""
    with ExitStack() as stack:
        try:
            stack.enter_context(claimed(Path(f"nowhere {threading.get_ident()}"), strategy, None))
            is_free = True
        except ExperimentError:
            is_free = False
        yield is_free


def _within(strategy: Strategy | OneShotStrategy) -> list[object]:
    """A strategy and all that are inside it, as in middleware, the innermost first."""
    found: list[object] = []
    inside = [strategy]
    while inside:
        part = inside.pop()
        if any(part is other for other in found):
            continue
        found.append(part)
        if isinstance(part, Strategy):
            inside += [value for value in vars(part).values() if isinstance(value, Strategy)]
    return found[::-1]
