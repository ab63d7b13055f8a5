"""Our strategies, driven as an experiment drives them, one trial at a time."""

from __future__ import annotations

from collections.abc import Mapping

from quality.landscapes import Vector
from quality.tasks import Task
from retiarii import strategies
from retiarii.domain import Categorical, Domain
from retiarii.strategies.deduplication import deduplicated
from retiarii.trial import Trial


def driven(name: str, arguments: Mapping[str, int], task: Task, budget: int, seed: int) -> list[Vector]:
    """What a strategy evaluates; less than the budget where it ends before.

    Args:
        name: Of the strategy's class.
        arguments: What it is made with.
        task: What is searched.
        budget: The number of evaluations.
        seed: Of the search.
    """
    domain = Domain([Categorical(f"choice{place}", tuple(range(size))) for place, size in enumerate(task.sizes)])
    strategy = deduplicated(getattr(strategies, name)(**arguments))
    strategy.bind(domain, task.objectives, seed)
    found: list[Vector] = []
    while len(found) < budget and (sample := strategy.ask()) is not None:
        trial = Trial(len(found), sample)
        strategy.tell(trial)
        found.append(tuple(sample.values()))
        metrics = dict(zip(task.objectives, task.evaluate(found[-1]), strict=True))
        strategy.tell(trial.running().completed(metrics))
    return found
