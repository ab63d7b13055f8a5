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


@dataclass(frozen=True, slots=True)
class Plan:
    """Objectives, seed and domain of a search, as JSON values."""

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

    @classmethod
    def of(cls, space: str, domain: Domain, objectives: Objectives, seed: int, *, one_shot: str | None = None) -> Self:
        conditions = {
            label: [[expression.to_json() for expression in every] for every in alternatives]
            for label, alternatives in domain.conditions.items()
        }
        choices = {
            label: _described(choice) | ({"condition": conditions[label]} if label in conditions else {})
            for label, choice in domain.choices.items()
        }
        rules = sorted([constraint.description for constraint in domain.constraints])
        size = None if rules or domain.size >= _MANY else int(domain.size)
        return cls.from_json(cls(dict(objectives), seed, space, size, choices, rules, one_shot).to_json())

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
        if [*self.constraints] != [*now.constraints]:
            lines.append(f"constraints: was {_listed(self.constraints)}, is {_listed(now.constraints)}")
        if not lines and [*self.choices] != [*now.choices]:
            lines.append(f"order of the choices: was {', '.join(self.choices)}; is {', '.join(now.choices)}")
        return lines


def _listed(constraints: Sequence[str]) -> str:
    return " and ".join(constraints) or "none"


def _described(choice: Choice) -> dict[str, Any]:
    shown = {field.name: getattr(choice, field.name) for field in fields(choice) if field.repr}
    return {"kind": type(choice).__name__, **{name: value for name, value in shown.items() if name != "label"}}
