"""The fields of a config."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from retiarii.cli.config.problems import Path, Problem, Problems, nearest

PARTS = ("space", "evaluator", "strategy", "engine", "stopper")
"""The fields that are components, each for itself; `costs` is a list of some."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Component(_Strict):
    """A part of a search by its name, with what it is made with."""

    name: str = Field(min_length=1)
    arguments: dict[str, Any] = Field(default_factory=dict)


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
    costs: list[_Part] = Field(default_factory=list)
    objectives: dict[str, Literal["maximize", "minimize"]] | None = Field(default=None, min_length=1)
    name: str | None = None
    directory: str | None = None
    max_trials: _Count | None = Field(default=None, ge=1)
    max_duration: float | None = Field(default=None, gt=0, strict=True, allow_inf_nan=False)
    max_retries: _Count | None = Field(default=None, ge=0)
    seed: _Count | None = Field(default=None, ge=0)
    deduplicate: bool = Field(default=True, strict=True)
    import_from: list[str] = Field(default_factory=list)

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
            raise Problems([_problem(detail) for detail in details]) from None


def _problem(detail: ErrorDetails) -> Problem:
    path, kind = detail["loc"], detail["type"]
    if kind == "missing":
        return Problem(path, "is missing")
    if kind == "extra_forbidden":
        return Problem(path, f"unknown{_instead(path)}")
    if kind == "model_type":
        expected = "a mapping of fields" if not path else "a name, or a mapping with `name` and `arguments`"
        return Problem(path, f"is {reprlib.repr(detail['input'])}; give {expected}")
    message = detail["msg"].removeprefix("Input ")
    return Problem(path, f"is {reprlib.repr(detail['input'])}; it {message[:1].lower()}{message[1:]}")


def _instead(path: Path) -> str:
    if len(path) == 1:
        return nearest(str(path[0]), Config.model_fields)
    return nearest(str(path[-1]), Component.model_fields) + "; what it is made with stands under `arguments`"


def is_component(value: Any) -> bool:
    """Whether an argument is a mapping that describes something to be made."""
    return _has_keys(value, {"name"}, {"name", "arguments"}) and isinstance(value["name"], str)


def is_import(value: Any) -> bool:
    """Whether an argument is a mapping that names something to be handed over as it is."""
    return _has_keys(value, {"import"}, {"import"}) and isinstance(value["import"], str)


def _has_keys(value: Any, needed: Iterable[str], allowed: Iterable[str]) -> bool:
    return isinstance(value, Mapping) and {*needed} <= value.keys() <= {*allowed}
