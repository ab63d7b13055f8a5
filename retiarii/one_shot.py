"""What trains one supernet and searches that: the protocol of one-shot strategies."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from retiarii.domain.constraint import Cost
from retiarii.evaluator import Evaluator
from retiarii.strategy import Strategy
from retiarii.trial import Objectives

if TYPE_CHECKING:
    from retiarii.evaluator import Trainable
    from retiarii.space import ModelSpace

Weights: TypeAlias = Mapping[str, Mapping[Any, float]]
"""How much each candidate counts now, such as its probability: label -> candidate -> weight.

A candidate is the value that a sample would have: `{"op": {"conv": 0.9, "skip": 0.1}, "width": {16: 0.7, 32: 0.3}}`. Of
an `InputChoice` it is the index of an input, `{"pick": {0: 0.8, 1: 0.2}}`, however many of them are chosen.
"""


class Record(Protocol):
    """Writes down the architecture weights of an epoch, durably; of an epoch that is there already, in their place."""

    def __call__(self, epoch: int, weights: Weights, /) -> None: ...


class Watch(Protocol):
    """Shows how far the training is: `watch(3, 12, "val_acc 0.91")`. Nothing is shown where nobody looks."""

    def __call__(self, done: int, total: int, text: str = "", /) -> None: ...


def _ignored(*arguments: object) -> None:
    """Neither records nor shows anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What an experiment gives a one-shot strategy to train with.

    `record` and `watch` can be pickled. Where several processes train together, only the first one calls them.
    """

    seed: int
    """Decides everything random: the same seed gives the same training, bit by bit."""

    folder: Path
    """Of the experiment. What lies in it is the experiment's, but for `supernet`, which is the strategy's."""

    objectives: Objectives
    """Those of the search, the primary one first; costs can be among them."""

    costs: Mapping[str, Cost] = field(default_factory=dict)
    """What is known of a sample without training, by name. The search adds these to the metrics by itself."""

    max_trials: int | None = None
    """How many architectures can be evaluated at most; None for no limit."""

    progress: bool = False
    """Whether the user wants to see how it goes."""

    record: Record = _ignored
    """Is called once an epoch, the first being 0, after it."""

    watch: Watch = _ignored
    """Is called with the epochs that are done, at the beginning, too, and the epochs in all, and how it goes."""

    @property
    def supernet(self) -> Path:
        """The folder in which the strategy keeps what it needs to go on: it may be absent."""
        return self.folder / "supernet"

    @property
    def measured(self) -> Objectives:
        """The objectives that an evaluation returns: all but the costs. Worth a look after the first epoch."""
        return {name: direction for name, direction in self.objectives.items() if name not in self.costs}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A supernet that is trained, and how to search it."""

    strategy: Strategy
    """Proposes architectures. It ends by itself, unless the number of trials is limited; a limit ends any."""

    evaluator: Evaluator
    """Scores one architecture with the weights of the supernet. It leaves nothing open, and its `argument` is usually
    "sample". It returns all metrics that the user's evaluator would."""

    checkpoint: Path | None = None
    """Where the weights lie, if they do."""


class OneShotStrategy(ABC):
    """Trains one supernet that has all models of a space in it, then has the best of these looked for.

    A search calls `check` when the experiment is made and `train` when it is run. What `train` gives is an ordinary
    search, one trial after another, each recorded. When a search is resumed, a fresh strategy is asked to `train` with
    the same folder and seed: it goes on where it stopped, or loads what is finished. The proposals that follow are
    replayed as in any search, so what `Trained.strategy` does must follow from the trained supernet, which is the same
    then, and from the trials it is told.
    """

    def check(self, space: ModelSpace, evaluator: Trainable, objectives: Objectives) -> None:  # noqa: B027  (optional)
        """Sees early that it can train, before anything is written.

        The experiment has seen already that the space has choices and that the evaluator leaves nothing open.

        Raises:
            SpaceError: it can't do with one of the choices; it names label, primitive, method and what would work.
            ExperimentError: it can't do with the evaluator or the objectives.
        """

    @abstractmethod
    def train(self, space: ModelSpace, evaluator: Trainable, session: Session) -> Trained:
        """Trains the supernet of a space, or goes on with it, or loads it if it is finished.

        Args:
            space: Its layers may become those of the supernet, so that it can be frozen with their weights.
            evaluator: Knows the task, the data and the trainer.
            session: What the experiment has to say, and where to say how it goes.

        Raises:
            ExperimentError: what lies in the folder was trained for other choices or by another method.
        """
