"""Text from outside, made fit for a picture, and how wide it will be."""

from __future__ import annotations

import unicodedata

_UNSHOWN = frozenset(("Cc", "Cs", "Cn", "Co"))
_DIRECTIONS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NARROW = frozenset("iljtfrI.,:;|!'()[] ")
_BROAD = frozenset("mwMW@%→")
_BOLD = 1.08

TIMES = "\N{MULTIPLICATION SIGN}"


def shown(text: str) -> str:
    """The text on one line, without control characters, unpaired surrogates and marks that turn its direction."""
    kept = [
        character
        for character in " ".join(text.split())
        if unicodedata.category(character) not in _UNSHOWN and character not in _DIRECTIONS
    ]
    return "".join(kept)


def shortened(text: str, length: int) -> str:
    """The text, or its start and an ellipsis where it has more than `length` characters."""
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def width(text: str, size: float, *, bold: bool = False) -> float:
    """About how wide a text is in a sans-serif font of this size, in the same unit."""
    return size * sum([_em(character) for character in text]) * (_BOLD if bold else 1.0)


def _em(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF":
        return 1.0
    if unicodedata.combining(character):
        return 0.0
    if character in _NARROW:
        return 0.36
    return 0.88 if character in _BROAD else 0.68 if character.isupper() else 0.6
