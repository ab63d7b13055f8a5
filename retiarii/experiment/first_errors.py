"""Sees that a search whose trials cannot work does not try all of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from retiarii.engine import Failure
from retiarii.errors import ExperimentError

_SAME_ERRORS = 3


@dataclass(slots=True)
class FirstErrors:
    """Ends a run whose first trials all fail with the same error: it is not theirs, and more would not help.

    Not where a trial of an earlier run has completed: a search that goes on must not end where it would not have.
    """

    are_watched: bool
    seen: list[tuple[str, str, str] | None] = field(default_factory=list)

    def note(self, failure: Failure | None) -> None:
        """Takes note of how a trial has ended: the failure, or None.

        Raises:
            ExperimentError: it is the last of too many equal ones.
        """
        if not self.are_watched or len(self.seen) >= _SAME_ERRORS:
            return
        self.seen.append(None if failure is None else (failure.kind, failure.message, failure.place))
        if failure is None or self.seen != [self.seen[0]] * _SAME_ERRORS:
            return
        place = f" ({failure.place})" if failure.place else ""
        raise ExperimentError(
            f"the first {_SAME_ERRORS} trials failed with the same error, so the search stops: "
            f"{failure.kind}: {failure.message}{place}"
        ) from failure.exception
