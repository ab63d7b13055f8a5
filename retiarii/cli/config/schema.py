"""The fields of a config."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from retiarii.cli.config.problems import Path, Problem, Problems, near, nearest
from retiarii.cli.config.scalars import inline

PARTS = ("space", "evaluator", "strategy", "engine", "stopper")
"""The fields that are components, each for itself; `costs` is a list of some."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _empty(kind: type) -> BeforeValidator:
    """What a field that is left empty stands for, where it may hold several things."""
    return BeforeValidator(lambda value: kind() if value is None else value)


class Component(_Strict):
    """A part of a search by its name, with what it is made with."""

    name: str = Field(min_length=1)
    arguments: Annotated[dict[str, Any], _empty(dict)] = Field(default_factory=dict)


def _with_name(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


_Part = Annotated[Component, BeforeValidator(_with_name)]
_Count = Annotated[int, Field(strict=True)]


class Config(_Strict):
    """A search, with the words of `Experiment`."""

    space: _Part
    evaluator: _Part
    strategy: _Part
    engine: _Part | None = None
    stopper: _Part | None = None
    costs: Annotated[list[_Part], _empty(list)] = Field(default_factory=list)
    objectives: dict[str, Literal["maximize", "minimize"]] | None = Field(default=None, min_length=1)
    name: str | None = None
    directory: str | None = None
    max_trials: _Count | None = Field(default=None, ge=1)
    max_duration: float | None = Field(default=None, gt=0, strict=True, allow_inf_nan=False)
    max_retries: _Count | None = Field(default=None, ge=0)
    seed: _Count | None = Field(default=None, ge=0)
    deduplicate: bool = Field(default=True, strict=True)
    import_from: Annotated[list[str], _empty(list)] = Field(default_factory=list)

    @classmethod
    def of(cls, value: Any) -> Config:
        """The config that `value` is.

        Raises:
            Problems: it is none.
        """
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            details = error.errors(include_url=False, include_context=True)
            raise Problems([Problem(detail["loc"], _what_is_wrong(detail, value)) for detail in details]) from None


def _what_is_wrong(detail: ErrorDetails, config: Any) -> str:
    path, kind = detail["loc"], detail["type"]
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return f"unknown{nearest(str(path[0]), Config.model_fields)}" if len(path) == 1 else _beside(path, config)
    found = "is empty" if detail["input"] is None else f"is {reprlib.repr(detail['input'])}"
    if kind == "model_type" and not path:
        return f"{found}; give a mapping of fields"
    if kind in _EXPECTED:
        return f"{found}; give {_EXPECTED[kind]}"
    message = detail["msg"].removeprefix("Input ")
    return f"{found}; it {message[:1].lower()}{message[1:]}"


_EXPECTED = {
    "model_type": "a name, or a mapping with `name` and `arguments`",
    "dict_type": "a mapping",
    "list_type": "a list, such as [first, second]",
    "too_short": "at least one, or leave the field out",
    "string_too_short": "a name",
}


def _beside(path: Path, config: Any) -> str:
    """What to say of a key that stands beside the name of a component."""
    meant = near(str(path[-1]), Component.model_fields)
    if meant is not None:
        return f"unknown; did you mean {meant}?"
    component = config
    for key in path[:-1]:
        component = component[key]
    before = f"{path[0]}: " if len(path) == 2 else "- "  # noqa: PLR2004
    name = component.get("name", "it")
    return f"what {name} is made with stands under `arguments`: write {before}{with_arguments(component)}"


def with_arguments(mapping: Mapping[str, Any]) -> str:
    """A component, as it should be written, in which all but the name stands among the arguments."""
    given = mapping.get("arguments")
    others = {key: value for key, value in mapping.items() if key not in Component.model_fields}
    arguments = {**(given if isinstance(given, Mapping) else {}), **others}
    return inline({"name": mapping.get("name", "NAME"), "arguments": arguments})


def is_component(value: Any) -> bool:
    """Whether an argument is a mapping that describes something to be made."""
    return _has_keys(value, {"name"}, {"name", "arguments"}) and isinstance(value["name"], str)


def is_import(value: Any) -> bool:
    """Whether an argument is a mapping that names something to be handed over as it is."""
    return _has_keys(value, {"import"}, {"import"}) and isinstance(value["import"], str)


def _has_keys(value: Any, needed: Iterable[str], allowed: Iterable[str]) -> bool:
    return isinstance(value, Mapping) and {*needed} <= value.keys() <= {*allowed}
