"""What all one-shot strategies have in common: from a space and an evaluator to a supernet that is trained."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, cast

import pytorch_lightning as pl
from torch import nn

from retiarii.evaluator import Trainable
from retiarii.one_shot import OneShotStrategy, Session, Trained
from retiarii.space import ModelSpace
from retiarii.space.remade import remade
from retiarii.strategies.one_shot.compilation import compiled, parts
from retiarii.strategies.one_shot.evaluation import SharedWeights
from retiarii.strategies.one_shot.loaders import RunData
from retiarii.strategies.one_shot.module import SupernetModule
from retiarii.strategies.one_shot.seeding import seed_everything
from retiarii.strategies.one_shot.supernet import Supernet
from retiarii.strategies.one_shot.support import check_data, check_space
from retiarii.strategies.one_shot.training import train
from retiarii.strategy import Strategy
from retiarii.trial import Objectives


class SupernetStrategy(OneShotStrategy):
    """Trains a supernet of the space with the evaluator's task, data and trainer, then proposes architectures of it.

    A method gives `module`, which trains, and `proposals`, and says what it weighs.

    Args:
        inherit_weights: Whether training starts from the weights that the space has; from fresh ones by default.
        compile: Whether the supernet is compiled by `torch.compile` while it is trained, or the arguments of that, such
            as `{"backend": "aot_eager"}`.

    Attributes:
        weighs: Whether several candidates of a choice count at once, or one with a factor that gradients reach; then
            each choice has to be in a place where that can be.
        at_once: So many values of a choice count in one step at most.
    """

    weighs: ClassVar[bool] = True
    at_once: ClassVar[float] = math.inf

    def __init__(self, *, inherit_weights: bool = False, compile: bool | Mapping[str, Any] = False) -> None:
        self.inherit_weights = inherit_weights
        self.compile = compile

    @abstractmethod
    def module(self, task: pl.LightningModule, supernet: Supernet, session: Session) -> SupernetModule:
        """What trains the supernet with a task; all that is random starts from the global generators."""

    @abstractmethod
    def proposals(self, module: SupernetModule, session: Session) -> Strategy:
        """What proposes architectures when the supernet is trained."""

    def compiled_modules(self, supernet: Supernet) -> Iterable[nn.Module]:
        """What is compiled, if that is asked for: here what nothing is decided in, so that it serves every path."""
        return parts(supernet)

    def data(self, task: pl.LightningModule, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the trainer is called with, given what the user's evaluator would call it with."""
        return data

    def check(self, space: ModelSpace, evaluator: Trainable, objectives: Objectives) -> None:
        check_space(space, type(self).__name__, weighs=self.weighs, at_once=self.at_once)
        check_data(evaluator, type(self).__name__)

    def train(self, space: ModelSpace, evaluator: Trainable, session: Session) -> Trained:
        supernet = self._supernet(space, session.seed)
        task = evaluator.task(space)
        module = self.module(task, supernet, session)
        data = RunData(evaluator, session.seed)
        supernet.engage()
        try:
            with compiled(self.compiled_modules(supernet), self.compile):
                checkpoint = train(self, module, evaluator, session, data)
        finally:
            supernet.release()
        scorer = SharedWeights(module, evaluator, data, session.seed)
        return Trained(strategy=self.proposals(module, session), evaluator=scorer, checkpoint=checkpoint)

    def _supernet(self, space: ModelSpace, seed: int) -> Supernet:
        """The supernet of a space, whose weights, and what is drawn next, do not depend on what the space was."""
        seed_everything(seed)
        if self.inherit_weights:
            supernet = Supernet(space)
        else:
            made = Supernet(cast("ModelSpace", remade(space, {})))
            supernet = Supernet(space)
            space.load_state_dict(made.space.state_dict())
        seed_everything(seed, 1)
        return supernet
