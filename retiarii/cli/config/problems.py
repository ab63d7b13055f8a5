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
    """A path as it is written after `--set`: without the word "arguments"."""
    return ".".join([str(part) for part in path if part != "arguments"])


def nearest(name: str, names: Iterable[str]) -> str:
    """What to say after "unknown": the nearest of the names, or all of them if they are few."""
    known = sorted(names)
    by_lower = {each.lower(): each for each in known}
    close = get_close_matches(name.lower(), by_lower, n=1)
    if close:
        return f"; did you mean {by_lower[close[0]]}?"
    return f"; there are {', '.join(known)}" if 0 < len(known) <= _FEW else ""
