"""What has come of the training of a supernet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from retiarii.errors import ExperimentError
from retiarii.experiment.history import History
from retiarii.experiment.joint import Joint
from retiarii.strategy import Strategy


@dataclass(frozen=True, slots=True)
class Training:
    """A supernet that is trained, and what is needed to search it."""

    strategy: Strategy
    joint: Joint
    """The space, and the evaluator with the weights of the supernet."""

    checkpoint: Path | None
    """Where these lie, if they do."""

    seconds: float
    """What the training took in this run: few, where it was finished before."""

    def check_outcome(self, history: History) -> None:
        """Sees that some architecture of the supernet was scored: where few are tried, all may have failed.

        Raises:
            ExperimentError: all of them failed.
        """
        last = history.failures(1)
        if history.best is None and last:
            raise ExperimentError(
                f"the supernet is trained, and none of {history.counts['failed']} architectures of it could be scored; "
                f"the last error is {last[0].reason}"
            )
