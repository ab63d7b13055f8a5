"""Exploratory training for PyTorch: model spaces written as ordinary models, searched as graphs.

The names below are looked up when they are first used, so `import retiarii` itself loads neither torch nor anything
else that is heavy. Layers with choices are in `retiarii.nn`; strategies, evaluators and engines in
`retiarii.strategies`, `retiarii.evaluators` and `retiarii.execution`, stoppers in `retiarii.stoppers`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retiarii.callback import Callback
    from retiarii.engine import Engine
    from retiarii.errors import (
        BuildError,
        ChoiceUsedAsValueError,
        ConstraintError,
        DomainError,
        ExperimentError,
        FormatError,
        GraphError,
        MetricError,
        MutationError,
        OpaqueWarning,
        ProfileError,
        RetiariiError,
        SampleError,
        SpaceError,
        TraceError,
    )
    from retiarii.evaluator import Evaluator, TrialStopped, report_intermediate
    from retiarii.experiment import Experiment
    from retiarii.graph import Graph, Node, trace
    from retiarii.space import ModelSpace, Mutator, apply_fixed_architecture
    from retiarii.stopper import Stopper
    from retiarii.strategy import Strategy
    from retiarii.trial import Trial

__version__ = "0.1.0"

__all__ = [
    "BuildError",
    "Callback",
    "ChoiceUsedAsValueError",
    "ConstraintError",
    "DomainError",
    "Engine",
    "Evaluator",
    "Experiment",
    "ExperimentError",
    "FormatError",
    "Graph",
    "GraphError",
    "MetricError",
    "ModelSpace",
    "MutationError",
    "Mutator",
    "Node",
    "OpaqueWarning",
    "ProfileError",
    "RetiariiError",
    "SampleError",
    "SpaceError",
    "Stopper",
    "Strategy",
    "TraceError",
    "Trial",
    "TrialStopped",
    "apply_fixed_architecture",
    "report_intermediate",
    "trace",
]

_HOME = {
    "Callback": "callback",
    "Engine": "engine",
    "Evaluator": "evaluator",
    "Experiment": "experiment",
    "Graph": "graph",
    "ModelSpace": "space",
    "Mutator": "space",
    "Node": "graph",
    "Stopper": "stopper",
    "Strategy": "strategy",
    "Trial": "trial",
    "TrialStopped": "evaluator",
    "apply_fixed_architecture": "space",
    "report_intermediate": "evaluator",
    "trace": "graph",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'retiarii' has no attribute {name!r}")
    value: object = getattr(import_module(f"retiarii.{_HOME.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
