"""Whether a search may go on from its record."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from retiarii.errors import ExperimentError
from retiarii.experiment.plan import Plan
from retiarii.experiment.records import Records


def agreed(records: Records, plan_with: Callable[[int], Plan], seed: int | None) -> Plan:
    """The plan to search by, written down if nothing was: what is planned now, if that is what is recorded.

    Args:
        records: The record, open.
        plan_with: What is planned now, with a seed.
        seed: Of now; without one it is the recorded one, or drawn.

    Raises:
        ExperimentError: another search is recorded; it says what is different.
    """
    recorded = records.plan()
    if seed is None:
        seed = secrets.randbits(63) if recorded is None else recorded.seed
    plan = plan_with(seed)
    changes = [] if recorded is None else recorded.changes(plan)
    if changes:
        differences = "\n  ".join(changes)
        raise ExperimentError(
            f"{records.path.parent} holds another search, which this one cannot go on with:\n  {differences}\n"
            "choose another name, or make it what it was"
        )
    records.begin(plan)
    return plan
