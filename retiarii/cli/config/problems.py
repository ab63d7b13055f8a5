"""What is wrong with a config, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeAlias

from retiarii.errors import FormatError

Path: TypeAlias = tuple[str | int, ...]
"""The way to a value in a config: keys of mappings and indices of lists."""

_FEW = 30
_NEAR = 0.7
_A_WORD = 4
_MUCH = 0.4


class ConfigError(FormatError):
    """A config, or an option that changes it, is wrong. The message has a line for each problem."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    path: Path
    text: str


class Problems(Exception):
    """All that is known to be wrong with a config, before it is said in which line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)


def shown(path: Path) -> str:
    """A path as it is written after `--set`: without the word "arguments", unless these are meant themselves."""
    return ".".join([str(part) for part in path[:-1] if part != "arguments"] + [str(part) for part in path[-1:]])


def near(name: str, names: Iterable[str]) -> str | None:
    """The name that was meant, if one of them is hardly another word than what was written."""
    by_lower = {each.lower(): each for each in sorted(names)}
    written = name.lower()
    close = get_close_matches(written, by_lower, n=1, cutoff=_NEAR)
    longer = [each for each in by_lower if written in each and len(written) >= max(_A_WORD, _MUCH * len(each))]
    return next((by_lower[each] for each in [*close, *longer]), None)


def nearest(name: str, names: Iterable[str]) -> str:
    """What to say after "unknown": the nearest of the names, or all of them if they are few."""
    known = sorted(names)
    meant = near(name, known)
    if meant is not None:
        return f"; did you mean {meant}?"
    return f"; there are {few(known)}" if 0 < len(known) <= _FEW else ""


def few(names: Iterable[str]) -> str:
    """The names in a line, and no more than fit there."""
    known = sorted(names)
    return ", ".join([*known[:_FEW], *(["..."] if len(known) > _FEW else [])])
