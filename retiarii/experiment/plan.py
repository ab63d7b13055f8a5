"""What has to stay the same for a search to go on where it stopped."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self, get_args

from retiarii.domain import Choice, Domain
from retiarii.trial import Direction, Objectives

_MANY = 2**63
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """Objectives, seed and domain of a search, and what its models are known by, as JSON values."""

    objectives: Objectives
    seed: int
    space: str
    """The name of the space's class; of no importance."""

    size: int | None
    """The number of samples; None if there is no end of them, it takes more than 64 bits, or there are constraints."""

    choices: Mapping[str, Any]
    """Kind and parameters of every choice by label, in the domain's order, with its condition."""

    constraints: Sequence[str] = ()
    """What samples must keep beside, in words, sorted."""

    one_shot: str | None = None
    """The class of the strategy that trains a supernet; None where every model is trained by itself."""

    marks: Sequence[str] | None = None
    """Of the constraints, in their order: see `Constraint.mark`. None in records that know of none."""

    models: Mapping[str, Any] | None = None
    """See `Identity.models`; None in records that know of none, too."""

    @classmethod
    def of(
        cls,
        space: str,
        domain: Domain,
        objectives: Objectives,
        seed: int,
        *,
        one_shot: str | None = None,
        models: Mapping[str, Any] | None = None,
    ) -> Self:
        conditions = {
            label: [[expression.to_json() for expression in every] for every in alternatives]
            for label, alternatives in domain.conditions.items()
        }
        choices = {
            label: _described(choice) | ({"condition": conditions[label]} if label in conditions else {})
            for label, choice in domain.choices.items()
        }
        marked = sorted([(constraint.description, constraint.mark) for constraint in domain.constraints])
        rules, marks = [rule for rule, _ in marked], [mark for _, mark in marked]
        size = None if rules or domain.size >= _MANY else int(domain.size)
        return cls.from_json(
            cls(dict(objectives), seed, space, size, choices, rules, one_shot, marks, models).to_json()
        )

    def to_json(self) -> str:
        return json.dumps(asdict(self), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The plan that was written down.

        Raises:
            ValueError: it is none.
            TypeError: it is none.
        """
        plan = cls(**json.loads(text))
        objectives, choices = plan.objectives, plan.choices
        if not (isinstance(objectives, dict) and objectives and {*objectives.values()} <= {*get_args(Direction)}):
            raise ValueError(f"the objectives are {reprlib.repr(objectives)}")
        if not (isinstance(choices, dict) and all(isinstance(choice, dict) for choice in choices.values())):
            raise ValueError(f"the choices are {reprlib.repr(choices)}")
        if plan.marks is not None and len(plan.marks) != len(plan.constraints):
            raise ValueError(f"the marks are {reprlib.repr(plan.marks)}")
        if plan.models is not None and not plan.models.keys() >= {"graph", "parts", "versions"}:
            raise ValueError(f"the models are {reprlib.repr(plan.models)}")
        return plan

    def changes(self, now: Plan) -> list[str]:
        """What is different in `now`, a line each; nothing where a search may go on."""
        lines = []
        if [*self.objectives.items()] != [*now.objectives.items()]:
            lines.append(f"objectives: was {dict(self.objectives)}, is {dict(now.objectives)}")
        if self.seed != now.seed:
            lines.append(f"seed: was {self.seed}, is {now.seed}")
        if self.one_shot != now.one_shot:
            lines.append(f"one-shot strategy: was {self.one_shot or 'none'}, is {now.one_shot or 'none'}")
        for label in dict.fromkeys([*self.choices, *now.choices]):
            was, is_now = (json.dumps(plan.choices.get(label, "absent")) for plan in (self, now))
            if was != is_now:
                lines.append(f"choice {label!r}: was {was}, is {is_now}")
        lines += self._changed_constraints(now)
        if not lines and [*self.choices] != [*now.choices]:
            lines.append(f"order of the choices: was {', '.join(self.choices)}; is {', '.join(now.choices)}")
        return lines

    def changed_models(self, now: Plan) -> list[str]:
        """What shows that `now` is of other models, though of the same choices: one line or none."""
        before, after = self.models, now.models
        if before is None or after is None or before["graph"] is None or self.choices != now.choices:
            return []
        if before["graph"] == after["graph"] or before["versions"] != after["versions"]:
            return []
        return [f"models: they are others, though made of the same choices: {self._where(before, after)}"]

    def _where(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
        """Which parts of the space are others."""
        if after["graph"] is None:
            return "the space can't be traced any more"
        was, is_now = before["parts"], after["parts"]
        paths = sorted([path for path in {**was, **is_now} if was.get(path) != is_now.get(path)])
        named = [path or f"the forward of {self.space}" for path in paths[:_MOST_NAMED]]
        more = f" and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else ""
        return f"look at {', '.join(named)}{more}" if named else "their parts are put together otherwise"

    def _changed_constraints(self, now: Plan) -> list[str]:
        if self.marks is None:
            known, found = map(_without_values, (self.constraints, now.constraints))
        else:
            known, found = [*self.constraints], [*now.constraints]
        if known != found:
            return [f"constraints: was {_listed(self.constraints)}, is {_listed(now.constraints)}"]
        marks = zip(now.constraints, self.marks or [], now.marks or [], strict=False)
        others = [rule for rule, before, after in marks if _is_other(before, after)]
        return [f"constraints: the code of {_listed(others)} is another one"] if others else []


def _without_values(constraints: Sequence[str]) -> list[str]:
    """Constraints in words of which older records know but the kind of those that are functions."""
    return sorted(["predicate" if rule.startswith("predicate ") else rule for rule in constraints])


def _is_other(before: str, after: str) -> bool:
    """Whether two marks that the same Python made differ."""
    return before != after and before.partition(" ")[0] == after.partition(" ")[0]


def _listed(constraints: Sequence[str]) -> str:
    return " and ".join(constraints) or "none"


def _described(choice: Choice) -> dict[str, Any]:
    shown = {field.name: getattr(choice, field.name) for field in fields(choice) if field.repr}
    return {"kind": type(choice).__name__, **{name: value for name, value in shown.items() if name != "label"}}
