"""How a search learns what became of its trials before."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from retiarii.domain import Domain, Sample
from retiarii.errors import SampleError
from retiarii.experiment.records import Records
from retiarii.experiment.setup import Setup
from retiarii.experiment.tally import Tally
from retiarii.trial import Trial

_UNFIT = "not run: its sample does not fit the space as it is now"

_log = logging.getLogger(__name__)


def replay(setup: Setup, records: Records, tally: Tally, tell: Callable[[Trial], None]) -> list[Trial]:
    """Goes through the known trials, in the order in which they ended; those that were under way come last.

    Args:
        setup: Its strategy is bound already, and hears of those that were under way as of new ones.
        records: Has the trials.
        tally: Of them.
        tell: Is called with those that have ended.

    Returns:
        Those to be run again, as interrupted ones.
    """
    domain, unfit, again = setup.joint.domain, [], []
    for recorded in records.trials():
        sample = _fitting(domain, recorded.sample)
        if sample is None:
            unfit.append(recorded)
        elif recorded.has_ended:
            tell(replace(recorded, sample=sample))
        else:
            trial = replace(recorded, sample=sample)
            setup.strategy.tell(replace(trial, state="waiting"))
            again.append(trial if trial.state == "interrupted" else trial.interrupted(lost=trial.state == "running"))
            tally.put(again[-1], trial)
    records.save(again)
    if unfit:
        _give_up(unfit, records, tally)
    return again


def _fitting(domain: Domain, sample: Sample) -> Sample | None:
    """A recorded sample; None if the space has become one that it doesn't fit."""
    try:
        return domain.unconstrained.canonical(sample)
    except SampleError:
        return None


def _give_up(unfit: Sequence[Trial], records: Records, tally: Tally) -> None:
    """Fails the trials that were under way and can't run any more."""
    _log.warning("%d trials don't fit the space as it is now; the strategy doesn't hear of them", len(unfit))
    under_way = [trial for trial in unfit if not trial.has_ended]
    given_up = [trial.failed(_UNFIT, ended=time.time()) for trial in under_way]
    for now, before in zip(given_up, under_way, strict=True):
        tally.put(now, before)
    records.save(given_up)
