"""What the words of a YAML file mean, and how values are written so that they mean the same again."""

from __future__ import annotations

import math
import re
import textwrap
from typing import Any

import yaml

_WORDS = {
    **dict.fromkeys(["", "~", "null"]),
    **dict.fromkeys(["true", "yes", "on"], True),
    **dict.fromkeys(["false", "no", "off"], False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_ENDLESS = re.compile(r"([-+]?)\.(inf|nan)", re.IGNORECASE)
_MOST_DIGITS = 1000
_LONGEST_LINE = 200


def scalar(text: str) -> bool | int | float | str | None:
    """The value of a word without quotes. Unlike YAML 1.1, `1e-3` is a number, and `1:30` or a date is text.

    Raises:
        ValueError: a number has too many digits.
    """
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if len(text) > _MOST_DIGITS and _FLOAT.fullmatch(text):
        raise ValueError(f"a number of {len(text)} characters; at most {_MOST_DIGITS} are taken")
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    endless = _ENDLESS.fullmatch(text)
    return float(endless[1] + endless[2]) if endless else text


class _Dumper(yaml.SafeDumper):
    """Puts quotes round each text that `scalar` would take for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _is_text(word: str) -> bool:
    try:
        return isinstance(scalar(word), str)
    except ValueError:
        return False


def _represented(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = None if _is_text(text) and text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represented)


def inline(value: Any) -> str:
    """A value, of JSON's kinds, as YAML in one line, cut if it is long."""
    text = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=math.inf, default_flow_style=True
    )
    return textwrap.shorten(text.removesuffix("\n...\n"), _LONGEST_LINE, placeholder=" ...")


def dumped(value: Any) -> str:
    """A value, of JSON's kinds, as YAML that is read as the same."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
