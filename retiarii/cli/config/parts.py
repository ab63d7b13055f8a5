"""The parts of a search that a config names: found, checked, and made."""

from __future__ import annotations

import inspect
import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retiarii.cli.config.calls import Callee
from retiarii.cli.config.meant import meant
from retiarii.cli.config.names import UnknownNameError, described, imported, registered
from retiarii.cli.config.problems import Path, Problem, Problems, shown
from retiarii.cli.config.scalars import inline
from retiarii.cli.config.schema import is_component, is_import
from retiarii.engine import Engine
from retiarii.errors import RetiariiError
from retiarii.evaluator import Evaluator
from retiarii.evaluators.functional import FunctionalEvaluator
from retiarii.one_shot import OneShotStrategy
from retiarii.stopper import Stopper
from retiarii.strategy import Strategy

_LIBRARY = "retiarii."


@dataclass(slots=True)
class Part:
    """Something that a config names. What it is made with are plain values, and parts in them."""

    path: Path
    name: str
    """As the config has it."""

    field: str
    """Of the config, whose names it may use."""

    arguments: dict[str, Any] | None
    """None if it is handed over as it is."""

    place: str = ""
    """Its import path."""

    found: Any = None

    @classmethod
    def of(cls, name: str, arguments: Any, field: str, path: Path) -> Part:
        """A part, and those in its arguments.

        Raises:
            Problems: arguments are no mapping.
        """
        inside = (*path, "arguments")
        if not isinstance(arguments, dict):
            raise Problems([Problem(inside, f"is {reprlib.repr(arguments)}; give a mapping")])
        return cls(path, name, field, {key: _with_parts(it, (*inside, key), field) for key, it in arguments.items()})

    def make(self, space: Any) -> Any:
        """What it stands for: made by calling a class or function, and as it is if it is anything else.

        Args:
            space: That of the config, for those who need one.

        Raises:
            Problems: it can't be made so.
        """
        if self.arguments is None or not _is_called(self.found):
            return self.found
        arguments = _made(self.arguments, space)
        try:
            return Callee(self.found).call(arguments, space)
        except RetiariiError as error:
            raise Problems([self._refused(str(error))]) from error
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if isinstance(error, Exception) and not self.place.startswith(_LIBRARY):
                error.add_note(f"while {self.name} was made for `{shown(self.path) or self.field}` of the config")
                raise
            raise Problems([Problem(self.path, f"{self.name} can't be made: {described(error)}")]) from error

    def _refused(self, message: str) -> Problem:
        """Where a plain value was given that stands for an object, that is the place, and it says what to write."""
        for path, value in _plain(self.arguments, (*self.path, "arguments")):
            hint = meant(value, self.field) if repr(value) in message else ""
            if hint:
                return Problem(path, message + hint)
        return Problem(self.path, message)


def find(parts: Sequence[Part]) -> None:
    """Imports what the parts name, and checks that it takes the arguments; plain names are looked at before.

    Raises:
        Problems: all that is wrong.
    """
    every = [inner for part in parts for inner in _within(part)]
    _gathered(every, _look_up)
    _gathered(every, _import)
    problems = [problem for part in every for problem in _wrong_arguments(part)]
    if problems:
        raise Problems(problems)


def check_kinds(made: Mapping[str, Any]) -> None:
    """Looks at what was made for the fields of a config.

    Raises:
        Problems: it is of another kind than the field.
    """
    kinds = {
        "evaluator": Evaluator,
        "strategy": Strategy | OneShotStrategy,
        "engine": Engine,
        "stopper": Stopper,
    }
    wrong = [field for field, value in made.items() if not isinstance(value, kinds[field])]
    if wrong:
        raise Problems([Problem((field,), f"is {_kind(made[field])}, which is no {field}") for field in wrong])


def _kind(value: Any) -> str:
    return f"a {type(value).__module__}.{type(value).__qualname__}"


def _gathered(parts: Sequence[Part], step: Callable[[Part], None]) -> None:
    problems = []
    for part in parts:
        try:
            step(part)
        except UnknownNameError as error:
            problems.append(Problem(part.path, str(error)))
    if problems:
        raise Problems(problems)


def _look_up(part: Part) -> None:
    part.place = registered(part.name, part.field) or part.name


def _import(part: Part) -> None:
    part.found = imported(part.place)


def _wrong_arguments(part: Part) -> list[Problem]:
    if part.arguments is None:
        return []
    if not _is_called(part.found):
        text = f"{part.name} is neither a class nor a function, and so takes no arguments"
        return [Problem(part.path, text)] if part.arguments else []
    problems = Callee(part.found).problems(part.name, part.arguments) + _wrong_for_function(part)
    return [
        Problem((*part.path, "arguments", *problem.path), problem.text + _meant_by(part, problem))
        if problem.path
        else Problem(part.path, problem.text + _by_function(part))
        for problem in problems
    ]


def _by_function(part: Part) -> str:
    """What to write where a function that scores models stands in place of the evaluator."""
    if part.path != ("evaluator",) or not inspect.isfunction(part.found):
        return ""
    whole = inline({"name": "FunctionalEvaluator", "arguments": {"function": {"import": part.name}}})
    return f"; if it scores models, write evaluator: {whole}"


def _meant_by(part: Part, problem: Problem) -> str:
    value = (part.arguments or {}).get(str(problem.path[0]))
    return meant(value, part.field) if isinstance(value, dict) else ""


def _wrong_for_function(part: Part) -> list[Problem]:
    """What is wrong with those arguments that an evaluator hands on to its function."""
    arguments = part.arguments or {}
    function = arguments.get("function")
    if part.found is not FunctionalEvaluator or not isinstance(function, Part) or not callable(function.found):
        return []
    if function.arguments is not None:  # it makes the function
        return []
    handed_on = {name: value for name, value in arguments.items() if name not in ("function", "argument")}
    return Callee(function.found, after_model=True).problems(function.name, handed_on)


def _plain(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """The texts and mappings in a value, and where they are, the outer ones first; not what is in its parts."""
    if isinstance(value, str | dict):
        yield path, value
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _plain(item, (*path, key))


def _is_called(found: Any) -> bool:
    return inspect.isclass(found) or inspect.isroutine(found)


def _with_parts(value: Any, path: Path, field: str) -> Any:
    """Arguments, with parts in place of mappings that describe some."""
    if is_component(value):
        arguments = {} if value.get("arguments") is None else value["arguments"]
        return Part.of(value["name"], arguments, field, path)
    if is_import(value):
        return Part((*path, "import"), value["import"], field, None)
    if isinstance(value, dict):
        return {key: _with_parts(item, (*path, key), field) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_parts(item, (*path, index), field) for index, item in enumerate(value)]
    return value


def _within(value: Any) -> Iterator[Part]:
    """All parts in a value, itself included."""
    if isinstance(value, Part):
        yield value
        yield from _within(value.arguments)
    if isinstance(value, dict):
        value = [*value.values()]
    if isinstance(value, list):
        for item in value:
            yield from _within(item)


def _made(value: Any, space: Any) -> Any:
    if isinstance(value, Part):
        return value.make(space)
    if isinstance(value, dict):
        return {key: _made(item, space) for key, item in value.items()}
    if isinstance(value, list):
        return [_made(item, space) for item in value]
    return value
