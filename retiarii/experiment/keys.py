"""When two samples are the same to an evaluator, so that one trial is enough."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeAlias

from retiarii.domain import Sample
from retiarii.experiment.joint import Joint
from retiarii.strategies.digest import digest

Key: TypeAlias = Callable[[Sample], Hashable]


def key_of(joint: Joint) -> Key:
    """What is equal for canonical samples that are the same to the evaluator.

    That is the sample itself where the evaluator gets that, or where the space makes no graphs; otherwise what the
    model computes, with what the sample decides of the evaluator.
    """
    if joint.evaluator.argument == "sample":
        return digest
    from retiarii.experiment.model_keys import ModelKeys  # noqa: PLC0415  tables are searched without torch
    from retiarii.space import ModelSpace  # noqa: PLC0415

    return ModelKeys(joint, joint.space) if isinstance(joint.space, ModelSpace) else digest
