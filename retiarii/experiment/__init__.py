"""The experiment: the loop, its durable record, and what is shown of it."""

from __future__ import annotations

from retiarii.experiment.experiment import Experiment
from retiarii.experiment.history import History

__all__ = ["Experiment", "History"]
