"""What a search is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retiarii.callback import Callback
from retiarii.domain.constraint import Cost
from retiarii.engine import Engine
from retiarii.experiment.interrupts import Interrupts
from retiarii.experiment.joint import Joint
from retiarii.stopper import Stopper
from retiarii.strategy import Strategy
from retiarii.trial import Objectives


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a search ends: after how many trials in all, and after how many seconds of a run."""

    max_trials: int | None = None
    max_duration: float | None = None
    max_retries: int = 5
    """How often a trial is run again that was lost with what ran it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a search is made of."""

    joint: Joint
    strategy: Strategy
    proposer: str
    """What the strategy is called towards its user."""

    stopper: Stopper | None
    engine: Engine
    objectives: Objectives
    costs: Sequence[Cost]
    seed: int
    limits: Limits
    callbacks: Sequence[Callback] = ()
    interrupts: Interrupts
