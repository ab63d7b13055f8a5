"""What differentiable methods have in common that compute one drawn architecture in each step."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from itertools import islice
from typing import Any

from pytorch_lightning.trainer.states import TrainerFn

from retiarii.one_shot import Session
from retiarii.strategies.chain import Chain
from retiarii.strategies.first_samples import FirstSamples
from retiarii.strategies.one_shot.alternating import AlternatingModule
from retiarii.strategies.one_shot.differentiable import DifferentiableStrategy
from retiarii.strategies.one_shot.limited import Limited
from retiarii.strategies.one_shot.module import SupernetModule
from retiarii.strategies.one_shot.paths import likely, most_likely
from retiarii.strategies.one_shot.random_one_shot import TRIALS, default_search
from retiarii.strategies.one_shot.recalibration import by_batch
from retiarii.strategies.one_shot.ways import Ways
from retiarii.strategy import Strategy

_FIRST = 20
"""So many architectures are scored before those that did well are varied."""


class DrawingStrategy(DifferentiableStrategy):
    """A differentiable method whose supernet was trained on single architectures, so that it can score them.

    The most likely architecture is proposed first, then others as they are drawn by their probabilities, then what
    `RegularizedEvolution` makes of the best of these, or `NSGA2` for several objectives, up to 100 or to the number of
    the search's trials: with `max_trials=1` only the first one. Validation while training sees the most likely one.

    Args:
        options: Those of `DifferentiableStrategy`.
    """

    def proposals(self, module: SupernetModule, session: Session) -> Strategy:
        assert isinstance(module, AlternatingModule)  # noqa: S101  for the type checker: `module` made it
        first = FirstSamples(islice(likely(module.architecture, session.seed), _FIRST))
        limit = Limited(max(TRIALS, session.max_trials or 0))
        return Chain(default_search(session.objectives), first, limit)


class DrawingModule(AlternatingModule):
    """Is validated as the most likely architecture, with the batch's statistics in batch norms: theirs are of many."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._validating = ExitStack()

    def settled(self) -> Mapping[str, Ways]:
        return most_likely(self.architecture)

    def on_validation_start(self) -> None:
        if self.trainer.state.fn == TrainerFn.FITTING:
            self._validating.enter_context(by_batch(self))
        super().on_validation_start()

    def on_validation_end(self) -> None:
        self._validating.close()
        super().on_validation_end()
