"""What engines check of what they are told."""

from __future__ import annotations

import math
from typing import Final

from retiarii.errors import ExperimentError

TAKEN: Final = "this engine runs the trials of another experiment already; make one for each"
"""What is wrong where an engine is opened that is open."""


def checked_count(name: str, count: int) -> int:
    """The count, as it is.

    Raises:
        ExperimentError: it is no positive integer; `name` says what it counts.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ExperimentError(f"{name} is {count!r}; expected a positive integer")
    return count


def checked_seconds(seconds: float) -> float:
    """The seconds of `trial_timeout`.

    Raises:
        ExperimentError: they are no positive, finite number.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        raise ExperimentError(
            f"trial_timeout is {seconds!r}; expected a positive number of seconds, or None for no limit"
        )
    return float(seconds)
