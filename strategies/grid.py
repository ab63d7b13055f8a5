"""Grid search."""

from __future__ import annotations

import math
from collections.abc import Iterator

from retiarii.domain import Domain, Sample
from retiarii.errors import DomainError
from retiarii.strategies.untried import Untried
from retiarii.strategy import Objectives, Strategy
from retiarii.trial import Trial


class GridSearch(Strategy):
    """Every sample of the space once, in order: the choice written last changes fastest.

    It begins at once however large the space is.

    Args:
        shuffle: Whether, instead, in an order by chance, which follows from the seed; see `Domain.shuffled`.

    Raises:
        DomainError: (when the search starts) the space holds a continuous choice, so there is no next sample.
        ConstraintError: (when a sample is due) none keeps the constraints, or a million in a row do not.
    """

    repeats = False

    def __init__(self, *, shuffle: bool = False) -> None:
        self.shuffle = shuffle

    def bind(self, domain: Domain, objectives: Objectives, seed: int) -> None:
        super().bind(domain, objectives, seed)
        if domain.unconstrained.size_bound == math.inf:
            endless = ", ".join([repr(label) for label, choice in domain.choices.items() if choice.size == math.inf])
            raise DomainError(
                f"GridSearch needs choices that can be listed, and {endless} is continuous; "
                "give it a list of values, or use Random"
            )
        self._untried = Untried(self._samples)

    def ask(self) -> Sample | None:
        sample = self._untried.next()
        if sample is None:
            self.ending = "every sample of the space has been tried"
        return sample

    def turned_away(self, sample: Sample, known: Sample) -> bool:
        return self._untried.refuse(sample)

    def tell(self, trial: Trial) -> None:
        super().tell(trial)
        self._untried.tell(trial)

    def _samples(self) -> Iterator[Sample]:
        return self.domain.shuffled(self.seed) if self.shuffle else self.domain.grid()
