"""Whether a search may go on from its record."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from typing import Literal, TypeAlias

from retiarii.errors import ExperimentError
from retiarii.experiment.plan import Plan
from retiarii.experiment.records import Records

Resume: TypeAlias = bool | Literal["anyway"]

_log = logging.getLogger(__name__)


def agreed(records: Records, plan_with: Callable[[int], Plan], seed: int | None, resume: Resume = True) -> Plan:
    """The plan to search by, written down if nothing was: what is planned now, if that is what is recorded.

    Args:
        records: The record, open.
        plan_with: What is planned now, with a seed.
        seed: Of now; without one it is the recorded one, or drawn.
        resume: Whether something may be recorded already: what is planned now, or, with "anyway", whatever it is.

    Raises:
        ExperimentError: another search is recorded, and it says what is different; or any, and `resume` is False.
    """
    recorded = records.plan()
    if recorded is not None and resume is False:
        raise ExperimentError(
            f"{records.folder} holds an experiment of {records.counts().total()} trials, and resume is False; "
            "choose another name, or go on with it by resume=True"
        )
    if seed is None:
        seed = secrets.randbits(63) if recorded is None else recorded.seed
    plan = plan_with(seed)
    changes = [] if recorded is None else recorded.changes(plan)
    if recorded is not None and (recorded.one_shot or records.counts()["completed"]):
        changes += recorded.changed_models(plan)
    if changes and resume != "anyway":
        differences = "\n  ".join(changes)
        raise ExperimentError(
            f"{records.folder} holds another search, which this one cannot go on with:\n  {differences}\n"
            'choose another name, or make it what it was; resume="anyway" goes on with what still fits'
        )
    if changes:
        _log.warning("the experiment goes on with a change: %s", "; ".join(changes))
    records.begin(plan)
    return plan
