"""What ends trials early: the protocol of stoppers."""

from __future__ import annotations

from abc import ABC, abstractmethod

from retiarii.trial import Objectives, Trial


class Stopper(ABC):
    """Says which trials are not worth finishing, from what they and others have reported so far.

    A search binds the stopper, then shows it every running trial after each of its reports, and every trial that has
    ended, in whatever way. As for strategies there is no checkpoint: when a search is resumed, a fresh stopper is bound
    and told the ended trials in the order in which they ended; those that were running begin anew. So what it knows
    must follow from the trials it is shown, and from nothing random.

    Report all objectives that the evaluator returns, every time: what a stopped trial reported last is what strategies
    learn from, with its costs, and where an objective is missing they learn nothing of it.

    A whole stopper, which ends what is below chance after three reports::

        class BelowChance(Stopper):
            def should_stop(self, trial):
                return len(trial.intermediates) == 3 and trial.intermediates[-1] < 0.1

    Attributes:
        objectives: Those that the evaluator returns; costs are not among them. The first one is what a report means
            that is a plain number.
    """

    objectives: Objectives

    def bind(self, objectives: Objectives) -> None:
        """Starts a search, forgetting any earlier one. Who overrides it calls it first.

        Args:
            objectives: The metrics that evaluations return and report; the first is the primary one.
        """
        self.objectives = objectives

    @abstractmethod
    def should_stop(self, trial: Trial) -> bool:
        """Whether to stop a running trial, which has just reported the last of `trial.intermediates`.

        A trial is not shown any more once it is to be stopped. Whatever it does until it ends counts no more, be it
        that it completes: or the search would depend on how soon it hears of that.
        """

    def tell(self, trial: Trial) -> None:  # noqa: B027  (a stopper need not learn)
        """Takes note of a trial that has ended: completed, failed or stopped."""
