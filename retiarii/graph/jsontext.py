"""JSON text that anybody may have written: read with bounds on size and depth, and refused where it is ambiguous."""

from __future__ import annotations

import json
import keyword
import math
import reprlib
import unicodedata
from collections.abc import Collection
from typing import Any, TypeVar

from retiarii.errors import FormatError

Kind = TypeVar("Kind")

MAX_CHARACTERS = 256 * 2**20
MAX_ITEMS = 2_000_000
MAX_DEPTH = 200
_LONGEST_PLACE = 1000
_LONGEST_KEY = 60

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 120


def shown(value: object) -> str:
    """A value for a message: its `repr`, cut where it is long."""
    return _short.repr(value)


def inside(at: str, key: str | int) -> str:
    """The place of an item of what stands at `at`, for messages; it stops growing where the text makes it long."""
    if len(at) > _LONGEST_PLACE:
        return at
    if isinstance(key, int):
        return f"{at}[{key}]"
    return f"{at}.{key}" if len(key) < _LONGEST_KEY and key.isidentifier() else f"{at}[{shown(key)}]"


def dump(data: Any) -> str:
    """One line of ASCII text; equal data give equal text.

    Raises:
        FormatError: `parse` would refuse the text.
    """
    _check_depth(data)
    text = json.dumps(data, allow_nan=False)
    _check_size(text)
    return text


def parse(text: str) -> Any:
    """The data of a JSON text.

    Raises:
        FormatError: it is no JSON, too large or too deep, says a key twice, or holds a number that is not finite.
    """
    if not isinstance(text, str):
        raise FormatError(f"expected JSON text, not {shown(text)}")
    _check_size(text)
    try:
        data = json.loads(text, object_pairs_hook=_object, parse_float=_finite, parse_constant=_finite)
    except FormatError:
        raise
    except RecursionError:
        raise FormatError(f"the text is nested more than {MAX_DEPTH} levels deep") from None
    except ValueError as error:
        raise FormatError(f"the text is no JSON: {error}") from None
    _check_depth(data)
    return data


def fields(data: Any, at: str, names: tuple[str, ...]) -> dict[str, Any]:
    """`data`, which must be an object with just these keys."""
    given = mapping(data, at)
    known = ", ".join(names)
    for key in given:
        if key not in names:
            raise FormatError(f"{at}: unknown key {shown(key)}; known are {known}")
    for name in names:
        if name not in given:
            raise FormatError(f"{at}: the key {name!r} is missing; needed are {known}")
    return given


def one_of(data: Any, at: str, known: Collection[str]) -> str:
    """`data`, which must be one of the known words."""
    if not isinstance(data, str) or data not in known:
        raise FormatError(f"{at}: {shown(data)} is none of {', '.join(known)}")
    return data


def mapping(data: Any, at: str) -> dict[str, Any]:
    """`data`, which must be an object."""
    return of_type(data, dict, "an object", at)


def items(data: Any, at: str) -> list[Any]:
    """`data`, which must be an array."""
    return of_type(data, list, "an array", at)


def string(data: Any, at: str) -> str:
    """`data`, which must be text."""
    return of_type(data, str, "text", at)


def flag(data: Any, at: str) -> bool:
    """`data`, which must be true or false."""
    return of_type(data, bool, "true or false", at)


def identifier(data: Any, at: str) -> str:
    """`data`, which must be a name as Python has them."""
    name = string(data, at)
    if not is_name(name):
        raise FormatError(f"{at}: {shown(name)} is no Python name")
    return name


def is_name(text: str) -> bool:
    """Whether Python code can hold the text as a name, and reads it as it is written."""
    return text.isidentifier() and not keyword.iskeyword(text) and unicodedata.normalize("NFKC", text) == text


def of_type(data: Any, kind: type[Kind], words: str, at: str) -> Kind:
    """`data`, which must be of just this type."""
    if type(data) is not kind:
        raise FormatError(f"{at}: expected {words}, found {shown(data)}")
    return data


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise FormatError(f"the key {shown(key)} stands twice in one object")
        seen.add(key)
    return made


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise FormatError(f"{shown(number)} is no finite number")
    return value


def _check_size(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise FormatError(f"the text has {len(text)} characters; at most {MAX_CHARACTERS} are read")
    count = text.count(",") + text.count("[") + text.count("{")
    if count > MAX_ITEMS:
        raise FormatError(f"the text holds up to {count} values; at most {MAX_ITEMS} are read")


def _check_depth(data: Any) -> None:
    level, depth = [data], 0
    while level:
        if depth > MAX_DEPTH:
            raise FormatError(f"the text is nested more than {MAX_DEPTH} levels deep")
        nests = [item.values() if type(item) is dict else item for item in level if type(item) in (list, dict)]
        level = [item for nest in nests for item in nest]
        depth += 1
