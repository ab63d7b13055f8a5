"""What was searched, in words, from its record alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from retiarii.domain import Choice
from retiarii.domain.choice import Categorical, Numeric, Subset
from retiarii.domain.value import frozen
from retiarii.errors import RetiariiError
from retiarii.experiment.plan import Plan
from retiarii.graph.drawing.candidates import candidate_words
from retiarii.graph.drawing.labels import label_pattern, together

_KINDS: Mapping[str, type[Categorical | Numeric | Subset]] = {
    "Categorical": Categorical,
    "Numeric": Numeric,
    "Subset": Subset,
}


def choice_rows(plan: Plan) -> list[tuple[str, int, str]]:
    """Labels, their number, and what they may be: one row for those that differ in numbers alone."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for label, described in plan.choices.items():
        groups.setdefault((label_pattern(label), _candidates(label, described)), []).append(label)
    return [(together(labels), len(labels), str(words)) for (_, words), labels in groups.items()]


def size_words(plan: Plan) -> str:
    """How many samples there are, as far as that is recorded."""
    if plan.size is not None:
        return f"{plan.size:,} samples"
    if any(_is_continuous(described) for described in plan.choices.values()):
        return "infinitely many samples"
    return "samples within constraints" if plan.constraints else "more than 10^18 samples"


def _is_continuous(described: Mapping[str, Any]) -> bool:
    return described.get("kind") == "Numeric" and not described.get("integer")


def _candidates(label: str, described: Mapping[str, Any]) -> str:
    choice = _choice(label, described)
    if choice is not None:
        return candidate_words(choice)
    return json.dumps({name: value for name, value in described.items() if name != "condition"})


def _choice(label: str, described: Mapping[str, Any]) -> Choice | None:
    """The choice that is described; None for one of a kind that is not known here."""
    values: dict[str, Any] = {
        name: frozen(value) for name, value in described.items() if name not in ("kind", "condition")
    }
    kind = _KINDS.get(described.get("kind", ""))
    try:
        return None if kind is None else kind(label, **values)
    except (RetiariiError, TypeError):
        return None
