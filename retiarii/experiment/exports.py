"""Models of a space on their way to a user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, get_args

from retiarii.domain import Sample
from retiarii.engine import Space
from retiarii.errors import ExperimentError

Format: TypeAlias = Literal["code", "sample", "module", "graph"]


def exported(space: Space, samples: Sequence[Sample], form: Format) -> list[Any]:
    """The models of samples of a space, in one of four forms.

    Raises:
        ExperimentError: the form is unknown.
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
    raise ExperimentError(f"format is {form!r}; expected one of {', '.join(map(repr, get_args(Format)))}")
