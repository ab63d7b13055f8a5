"""What the names in a config stand for."""

from __future__ import annotations

import pkgutil
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from retiarii.cli.config.problems import near, nearest

_ROOMS = {
    "space": "hub",
    "evaluator": "evaluators",
    "strategy": "strategies",
    "engine": "execution",
    "stopper": "stoppers",
    "costs": "profiler",
}
"""Where the registered names of each field are."""

_LONGEST_MESSAGE = 300


class UnknownNameError(Exception):
    """Nothing has the name; the message says why, and what has a similar one."""


def registered(name: str, field: str) -> str | None:
    """The import path of a registered name, or None of an import path.

    A name means what the room of the field calls so; where that has none, what another room does.

    Raises:
        UnknownNameError: the name is neither.
    """
    if "." in name or ":" in name:
        return None
    rooms = [_ROOMS[field], *[room for other, room in _ROOMS.items() if other != field]]
    for room in rooms:
        if name in import_module(f"retiarii.{room}").__all__:
            return f"retiarii.{room}:{name}"
    known = import_module(f"retiarii.{rooms[0]}").__all__
    if near(name, known) is None and name.isidentifier() and find_spec(name) is not None:
        raise UnknownNameError(f"{name} is a module; say what is meant in it, as in {name}.Name")
    raise UnknownNameError(f"{name!r} is unknown{nearest(name, known)} (of your own: an import path, my_module.Name)")


def imported(path: str) -> Any:
    """What an import path names: "package.module:Name", "package.module:Name.part" or "package.module.Name".

    Raises:
        UnknownNameError: there is no such thing, or its module can't be imported.
    """
    module_name, colon, rest = path.partition(":")
    parts = rest.split(".") if colon else []
    if not all([part.isidentifier() for part in [*module_name.split("."), *parts]]):
        raise UnknownNameError(f"{path!r} is no import path such as package.module:Name or package.module.Name")
    if not colon:
        module_name, *parts = module_name.split(".")
    found: Any = _module(module_name)
    name = module_name
    for part in parts:
        found, name = _part(found, name, part), f"{name}.{part}"
    return found


def described(error: BaseException) -> str:
    """An error in one line, with the place in the code that it came from."""
    message = " ".join(_message(error).split())
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    own = [frame for frame in frames if frame.filename != __file__]
    place = f" ({own[-1].filename}:{own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {message[:_LONGEST_MESSAGE]}{place}"


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as another:  # noqa: BLE001  whatever it is, the first error is what there is to say
        return f"(its text raises {type(another).__name__})"


def _part(holder: Any, holder_name: str, part: str) -> Any:
    """What an object has under a name, or else the module of that name in a package."""
    name = f"{holder_name}.{part}"
    with _importing(name):
        with suppress(AttributeError):
            return getattr(holder, part)
        is_package = isinstance(holder, ModuleType) and hasattr(holder, "__path__")
        is_module = is_package and find_spec(name) is not None
        names = [known for known in dir(holder) if not known.startswith("_")]
    if is_module:
        return _module(name)
    raise UnknownNameError(f"{holder_name} has no {part}{nearest(part, names)}")


def _module(name: str) -> ModuleType:
    with _importing(name):
        try:
            return import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
            raise UnknownNameError(f"there is no module {error.name}{_instead(name)}") from None


@contextmanager
def _importing(name: str) -> Iterator[None]:
    """Says which import failed, whatever the code in it raises; Ctrl-C passes."""
    try:
        yield
    except (UnknownNameError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise UnknownNameError(f"{name} can't be imported: {described(error)}") from error


def _instead(name: str) -> str:
    rooms = [room for room in _ROOMS.values() if name in import_module(f"retiarii.{room}").__all__]
    if rooms:
        return f"; did you mean retiarii.{rooms[0]}:{name}?"
    return nearest(name, [module.name for module in pkgutil.iter_modules()])
