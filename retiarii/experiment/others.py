"""What is said where a search goes on with another evaluator, or with a space of other code, than trials ended with."""

from __future__ import annotations

import logging
import re
import sys
import warnings
from collections.abc import Mapping, Sequence
from types import FrameType, MappingProxyType
from typing import Any

from retiarii.engine import encodable
from retiarii.experiment.descriptions import FORM
from retiarii.experiment.rows import Run
from retiarii.experiment.saying import say

_SAID = MappingProxyType(
    {
        "evaluator": "were scored by another evaluator",
        "space": "are of other models, or of other code of the space",
    }
)
_MOST_LINES = 8
_WRAPPERS = ("arguments", "sources", "values")
_SOURCE = re.compile(r"\S+ \(source ([0-9a-f]{8})")
_CODE = re.compile(r"code (\S+) [0-9a-f]{8}")
_WORD = re.compile(r"[\w.+/ -]*")
_ABSENT = object()

_log = logging.getLogger(__name__)


def tell_of_others(settings: Mapping[str, Any], runs: Sequence[Run], *, shown: bool, wanted: bool) -> None:
    """Tells of the parts that differ from those with which trials have ended, and in what.

    Args:
        settings: Of the run that begins.
        runs: Those before.
        shown: Whether stderr is for the user to read; else it is a warning, at the line that called the library.
        wanted: Whether the user has asked for going on with another space, so that it is no warning.
    """
    for part, what in _SAID.items():
        lines = _differences(part, settings, runs)
        if not lines:
            continue
        said = f"some of the trials {what}; choose another name to begin anew"
        told = encodable("\n  ".join([said, *lines]))
        _log.warning("%s", told)
        if shown:
            say(f"retiarii: {told}")
        elif not (wanted and part == "space"):
            warnings.warn(told, UserWarning, stacklevel=_level())


def differences(was: Any, now: Any, *, is_of_form: bool = True) -> list[str]:
    """What is different, a line each, in two descriptions or other nests of JSON values.

    Args:
        was: As it is recorded.
        now: As it is now.
        is_of_form: Whether both are made in the same way; else what one of them lacks, or has in words that the other
            may have in other words, is not compared.
    """
    before, after = _leaves(was), _leaves(now)
    kinds = [leaves.get("class") for leaves in (before, after)]
    if kinds[0] != kinds[1] and (is_of_form or _last(kinds[0]) != _last(kinds[1])):
        return [f"class: was {kinds[0]}, is {kinds[1]}"]
    paths = [path for path in dict.fromkeys([*before, *after]) if path != "class"]
    pairs = [(path, before.get(path, _ABSENT), after.get(path, _ABSENT)) for path in paths]
    is_other = _is_other if is_of_form else _is_surely_other
    return [f"{path}: was {_text(one)}, is {_text(other)}" for path, one, other in pairs if is_other(one, other)]


def _differences(part: str, settings: Mapping[str, Any], runs: Sequence[Run]) -> list[str]:
    """From the last run with another one, of those in which trials ended."""
    now = settings[part]
    for run in reversed(runs):
        if run.seen is None or run.settings.get(part) is None:
            continue
        is_of_form = part != "evaluator" or run.settings.get("descriptions") == FORM
        lines = differences(run.settings[part], now, is_of_form=is_of_form)
        if lines:
            more = [f"and {len(lines) - _MOST_LINES} more"] if len(lines) > _MOST_LINES else []
            return lines[:_MOST_LINES] + more
    return []


def _leaves(value: Any, path: tuple[str, ...] = ()) -> dict[str, Any]:
    """What is in a nest of mappings, by the names on the way, as in `config.depth`."""
    if not isinstance(value, Mapping) or not value:
        return {".".join(path) or "it": value}
    found: dict[str, Any] = {}
    for name, item in value.items():
        is_wrapper = name in _WRAPPERS and isinstance(item, Mapping)
        found |= {} if is_wrapper and not item else _leaves(item, path if is_wrapper else (*path, name))
    return found


def _is_other(was: Any, now: Any) -> bool:
    if isinstance(was, str) and isinstance(now, str):
        pythons = [{*_CODE.findall(text)} for text in (was, now)]
        if pythons[0] != pythons[1]:  # each makes other codes
            was, now = (_CODE.sub("", text) for text in (was, now))
    return type(was) is not type(now) or bool(was != now)


def _is_surely_other(was: Any, now: Any) -> bool:
    if isinstance(was, str) and isinstance(now, str):
        marks = [_SOURCE.match(text) for text in (was, now)]
        if marks[0] and marks[1]:
            return marks[0][1] != marks[1][1]
        return bool(_WORD.fullmatch(was) and _WORD.fullmatch(now)) and "..." not in was + now and was != now
    return _is_of_numbers(was) and _is_of_numbers(now) and _is_other(was, now)


def _is_of_numbers(value: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    return all(isinstance(item, bool | int | float) for item in items)


def _last(name: Any) -> str:
    """Of the name of a class, without its module: programs went by another one."""
    return str(name).rpartition(".")[2]


def _text(value: Any) -> str:
    if value is _ABSENT:
        return "absent"
    return value if isinstance(value, str) and value and value.isprintable() else repr(value)


def _level() -> int:
    """How far up the line is that called the library, for `warnings.warn` in the function that asks."""
    level, frame = 1, sys._getframe(1)
    above: FrameType | None = frame
    while above is not None and str(above.f_globals.get("__name__")).partition(".")[0] == "retiarii":
        level, above = level + 1, above.f_back
    return level
