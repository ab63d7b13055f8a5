"""What shows whether the models of a space are those that an experiment began with."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from retiarii.domain.naming import plain_fields
from retiarii.engine import Space, encodable
from retiarii.experiment.settings import source_mark, versions

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """What shows whether the models of a space are the same, as JSON values."""

    models: Mapping[str, Any] | None
    """The marks of the whole space's "graph", which is None where there is none, and of its "parts", and the "versions"
    that made them. None for tables."""

    hints: Mapping[str, Any]
    """What may be another one though the models are the same: the source of classes that no graph shows, by name, and
    the plain values that a table holds."""


def identity_of(space: Space, *, is_traced: bool) -> Identity:
    """What shows whether the models of a space are the same.

    Args:
        space: Any; what a model space raises while it is traced is not heard of.
        is_traced: Whether the search will trace the space anyway, so that warnings are for its user.
    """
    module = sys.modules.get("retiarii.space.model_space")  # a model space has loaded it, and torch; tables need none
    if module is None or not isinstance(space, module.ModelSpace):
        return Identity(None, {"sources": _sources([type(space)]), "values": _shown(plain_fields(space))})
    from retiarii.graph.turns import unwarned  # noqa: PLC0415  needs torch
    from retiarii.space.likeness import graph_mark, part_marks, unseen_classes  # noqa: PLC0415  likewise

    graph, mark, parts = None, None, {}
    try:
        with nullcontext() if is_traced else unwarned():
            graph = space.graph
            mark, parts = graph_mark(graph), part_marks(graph)
    except Exception as error:  # noqa: BLE001  whatever users' code raises here, trials raise it if they need the graph
        _log.info("the space can't be traced: %s", encodable(f"{type(error).__name__}: {error}"))
    made_by = {name: version.partition("+")[0] for name, version in versions("retiarii", "torch").items()}
    models = {"graph": mark, "parts": parts, "versions": made_by}
    return Identity(models, {"graph": mark, "sources": _sources(unseen_classes(space, graph if mark else None))})


def _sources(classes: Iterable[type]) -> dict[str, str]:
    return {kind.__qualname__: source_mark(kind).strip(" ()") for kind in classes}


def _shown(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: repr(value) for name, value in values.items()}
