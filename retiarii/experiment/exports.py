"""Models of a space on their way to a user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, get_args

from retiarii.domain import Sample
from retiarii.engine import Space
from retiarii.errors import ExperimentError

Format: TypeAlias = Literal["code", "sample", "module", "graph", "pt2", "onnx"]


def exported(space: Space, samples: Sequence[Sample], form: Format) -> list[Any]:
    """The models of samples of a space, in one of six forms.

    Raises:
        ExperimentError: the form is unknown; or it is "pt2" or "onnx", and the space doesn't say what its models are
            called with, or a model can't be exported so.
    """
    match form:
        case "sample":
            return list(samples)
        case "module":
            return [space.freeze(sample) for sample in samples]
        case "graph":
            return [space.graph.apply(sample) for sample in samples]
        case "code":
            return [space.graph.apply(sample).to_code() for sample in samples]
        case "pt2" | "onnx":
            return _programs(space, samples, form)
    raise ExperimentError(f"format is {form!r}; expected one of {', '.join(map(repr, get_args(Format)))}")


def _programs(space: Space, samples: Sequence[Sample], form: Literal["pt2", "onnx"]) -> list[Any]:
    from retiarii.experiment import programs  # noqa: PLC0415  tables are searched without torch

    inputs = programs.example(space)
    return [programs.program(space.freeze(sample), inputs, form) for sample in samples]
