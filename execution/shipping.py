"""How an assignment is sent to the processes that run its trials, and what keeps one from being sent."""

from __future__ import annotations

import functools
import io
import linecache
import os
import pickle
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeAlias

import cloudpickle

from retiarii.engine import Assignment
from retiarii.errors import ExperimentError

_DEPTH = 50

Part: TypeAlias = tuple[str, Any]
"""Where something is, as one writes it in Python, and what it is."""

_under_way: list[bool] = []
"""One for each assignment that is being unpacked in this process."""


def packed(assignment: Assignment) -> bytes:
    """An assignment for one's own workers: classes, functions and lambdas of `__main__` and of functions go along.

    The space stays here where the evaluator asks for samples only. What is packed must never be stored.

    Raises:
        ExperimentError: something in it can't be pickled; it says what, and in which attribute.
    """
    _refuse_bomb()
    space: Any = None if assignment.evaluator.argument == "sample" else assignment.space
    folder = assignment.folder.absolute() if assignment.folder is not None else None
    sent = replace(assignment, space=space, folder=folder)
    try:
        with io.BytesIO() as file:
            pickler = _Pickler(file)
            pickler.dump((sent, pickler.own, pickler.sources))
            return file.getvalue()
    except Exception as error:
        raise ExperimentError(_reason(sent, error)) from error


def unpacked(data: bytes) -> Assignment:
    """What `packed` has packed. Modules that this imports cannot pack anything themselves meanwhile.

    What came from `__main__` is put into the `__main__` of this process, where pickle looks for it; and source code
    that is in no file, such as a notebook's cells, to where tracebacks and `inspect` look for it.
    """
    with _unpacking():
        assignment: Assignment
        own: dict[str, Any]
        sources: dict[str, list[str]]
        assignment, own, sources = pickle.loads(data)  # noqa: S301  (comes from the process that started this one)
    vars(sys.modules["__main__"]).update(own)
    for name, lines in sources.items():
        linecache.cache[name] = (sum(map(len, lines)), None, lines, name)
    return assignment


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Notes what it takes along of `__main__`.

    Attributes:
        own: Classes and functions by their names; all of them are there when the rest has been pickled.
        sources: The lines of code that goes along and is in no file, by the name that it has instead.
    """

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.own: dict[str, Any] = {}
        self.sources: dict[str, list[str]] = {}
        self._main = vars(sys.modules["__main__"])

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, type | types.FunctionType) and value.__module__ == "__main__":
            name = value.__qualname__
            if self._main.get(name) is value:
                self.own[name] = value
        if isinstance(value, types.FunctionType):
            self._note_source(value.__code__.co_filename)
        return super().reducer_override(value)

    def _note_source(self, name: str) -> None:
        if name not in self.sources and name in linecache.cache and not os.path.exists(name):
            self.sources[name] = linecache.getlines(name)


@contextmanager
def _unpacking() -> Iterator[None]:
    _under_way.append(True)
    try:
        yield
    finally:
        _under_way.pop()


def _refuse_bomb() -> None:
    """Sees that a module which runs a search on its import does not do so in the workers of that search.

    Raises:
        ExperimentError: it is about to.
    """
    if _under_way:
        raise ExperimentError(
            "a search was started while a worker imports what it is to evaluate, which would go on without end: put "
            'what runs the search under `if __name__ == "__main__":`'
        )


def _dumps(value: Any) -> bytes:
    data: bytes = cloudpickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return data


def _reason(assignment: Assignment, error: Exception) -> str:
    parts = [("evaluator", assignment.evaluator), ("space", assignment.space), ("objectives", assignment.objectives)]
    found = _culprit(iter(parts), set(), _DEPTH)
    if found is None:
        return f"the evaluator and the model space can't be sent to another process: {_said(error)}"
    path, value, reason = found
    return (
        f"{path} holds {_described(value)}, which can't be sent to another process ({_said(reason)}); "
        "make it inside the evaluation, or use SequentialEngine"
    )


def _culprit(parts: Iterator[Part], seen: set[int], depth: int) -> tuple[str, Any, Exception] | None:
    """The innermost part that can't be pickled, and why."""
    for path, value in parts:
        if id(value) in seen or depth == 0:
            continue
        reason = _trouble(value)
        if reason is None:
            continue
        seen.add(id(value))
        try:
            inside = _parts(path, value)
        except Exception as error:  # noqa: BLE001  (whatever the object's own code raises is why it can't be sent)
            return path, value, error
        found = _culprit(iter(inside), seen, depth - 1)
        if found is not None:
            return found
        if not inside:
            return path, value, reason
    return None


def _trouble(value: Any) -> Exception | None:
    try:
        _dumps(value)
    except Exception as error:  # noqa: BLE001  (whatever the object's own code raises is why it can't be sent)
        return error
    return None


def _parts(path: str, value: Any) -> list[Part]:
    """What pickling a value would go into."""
    match value:
        case dict():
            return [(f"{path}[{key!r}]", part) for key, part in value.items()]
        case list() | tuple() | set() | frozenset():
            return [(f"{path}[{place}]", part) for place, part in enumerate(value)]
        case types.FunctionType():
            return _parts_of_function(path, value)
        case types.MethodType():
            return [(f"{path}.__self__", value.__self__), (f"{path}.__func__", value.__func__)]
        case functools.partial():
            return [
                (f"{path}.func", value.func),
                *_parts(f"{path}.args", value.args),
                *_parts(f"{path}.keywords", value.keywords),
            ]
        case type():
            return [(f"{path}.{name}", part) for name, part in vars(value).items() if not name.startswith("__")]
    return _parts_of_object(path, value)


def _parts_of_function(path: str, function: types.FunctionType) -> list[Part]:
    """What a function that is sent as code takes along."""
    parts = [(f"{path}.{name}", part) for name, part in vars(function).items()]
    parts += _parts(f"{path}.__defaults__", function.__defaults__ or ())
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        parts.append((f"{path}.<variable {name}>", cell.cell_contents))
    used = [name for name in _names(function.__code__) if name in function.__globals__]
    return parts + [(f"{path}.<global {name}>", function.__globals__[name]) for name in used]


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _parts_of_object(path: str, value: Any) -> list[Part]:
    reduced = value.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
    if isinstance(reduced, str):
        return []
    made_of, state, items, pairs = ((*reduced, None, None, None, None)[place] for place in (1, 2, 3, 4))
    parts = [(f"{path}.<{type(value).__name__}'s own {place}>", part) for place, part in enumerate(made_of)]
    for attributes in state if isinstance(state, tuple) else (state,):
        parts += _parts_of_state(path, attributes)
    parts += _parts(path, list(items or ()))
    return [*parts, *_parts(path, dict(pairs or ()))]


def _parts_of_state(path: str, state: Any) -> list[Part]:
    """Attributes as Python names them; the parts of a torch module without the tables that it keeps them in."""
    if not isinstance(state, dict):
        return [] if state is None else [(path, state)]
    parts = []
    for name, part in state.items():
        if name in ("_modules", "_parameters", "_buffers") and isinstance(part, dict):
            parts += [(f"{path}.{inner}", value) for inner, value in part.items()]
        else:
            parts.append((f"{path}.{name}", part))
    return parts


def _described(value: Any) -> str:
    name = type(value).__qualname__
    module = type(value).__module__
    return f"a {name}" if module == "builtins" else f"a {module}.{name}"


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
