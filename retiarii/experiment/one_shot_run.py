"""The first part of a one-shot search: its supernet is trained. What follows is a search like any other."""

from __future__ import annotations

import reprlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from torch import distributed

from retiarii.engine import Engine
from retiarii.errors import ExperimentError
from retiarii.evaluator import Trainable
from retiarii.execution import SequentialEngine
from retiarii.experiment.joint import Joint
from retiarii.experiment.records import WeightsRecord
from retiarii.experiment.training import Training
from retiarii.experiment.training_view import training_watched
from retiarii.one_shot import OneShotStrategy, Session, Trained
from retiarii.space import ModelSpace
from retiarii.stopper import Stopper
from retiarii.trial import Objectives


def check(
    strategy: OneShotStrategy, joint: Joint, objectives: Objectives, *, engine: Engine, stopper: Stopper | None
) -> None:
    """Sees that a one-shot strategy can do with what an experiment is made of.

    Raises:
        ExperimentError: no such strategy can; it says with what, and what would work.
        RetiariiError: this strategy can't.
    """
    name = type(strategy).__name__
    if type(engine) is not SequentialEngine:
        raise ExperimentError(
            f"{name} trains one supernet in this process and evaluates its architectures there, so "
            f"{type(engine).__name__} has nothing to run; leave the engine out"
        )
    if stopper is not None:
        raise ExperimentError(
            f"{name} trains one supernet, whose architectures report nothing on their way, so {type(stopper).__name__} "
            "has nothing to stop; leave the stopper out"
        )
    strategy.check(*_material(joint, name), objectives)


def train(strategy: OneShotStrategy, joint: Joint, session: Session) -> Training:
    """The supernet of a space: trained from the beginning, or from where that stopped, or loaded.

    Args:
        strategy: Trains it.
        joint: The space, and the evaluator that knows how to train it.
        session: As it is for the strategy, but that it neither records nor shows anything yet.

    Raises:
        ExperimentError: what the strategy gives is of no use.
    """
    name = type(strategy).__name__
    begin = time.monotonic()
    with training_watched(shown=session.progress) as watch, _own_processes():
        session = replace(session, record=WeightsRecord(session.folder), watch=watch)
        trained = strategy.train(*_material(joint, name), session)
    seconds = time.monotonic() - begin
    if not isinstance(trained, Trained):
        raise ExperimentError(f"{name}.train returned {reprlib.repr(trained)}; expected a Trained")
    searched = Joint(joint.space, trained.evaluator)
    if searched.open_labels:
        raise ExperimentError(f"{name}.train returned an evaluator that leaves {_listed(searched.open_labels)} open")
    return Training(trained.strategy, searched, trained.checkpoint, seconds)


def follow(strategy: OneShotStrategy, joint: Joint, session: Session) -> None:
    """Trains along with the first of several processes, recording nothing."""
    with _own_processes():
        strategy.train(*_material(joint, type(strategy).__name__), session)


@contextmanager
def _own_processes() -> Iterator[None]:
    """Ends the group of processes that a training makes: the first one evaluates alone, waiting for nobody."""
    was_there = distributed.is_available() and distributed.is_initialized()
    yield
    if not was_there and distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def _material(joint: Joint, name: str) -> tuple[ModelSpace, Trainable]:
    """The space and the evaluator, of which one can make and train a supernet."""
    space, evaluator = joint.space, joint.evaluator
    if not isinstance(space, ModelSpace):
        raise ExperimentError(
            f"{name} trains the layers of a space, and {type(space).__name__} is no ModelSpace, so it has none; search "
            "it with a multi-trial strategy, such as RegularizedEvolution()"
        )
    if not isinstance(evaluator, Trainable):
        raise ExperimentError(
            f"{name} trains one supernet, and {type(evaluator).__name__} does not say how: it scores models one by "
            "one; use Classification, Regression or Lightning of retiarii.evaluators, or a multi-trial strategy"
        )
    if joint.open_labels:
        raise ExperimentError(
            f"the evaluator leaves {_listed(joint.open_labels)} open, and {name} trains one supernet, in one way: "
            "decide them first, or search them with a multi-trial strategy"
        )
    if not space.domain.choices:
        raise ExperimentError(
            f"{type(space).__name__} has no choices, so there is nothing to search for {name}; put some in, as in "
            "nn.LayerChoice([...], label='op'), or train it as it is: evaluator.evaluate(space)"
        )
    return space, evaluator


def _listed(labels: tuple[str, ...]) -> str:
    return ", ".join(map(repr, labels))
