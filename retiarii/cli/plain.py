"""Text from anywhere, harmless in a terminal."""

from __future__ import annotations


def plain(text: str) -> str:
    """`text` with all that a terminal would act on, or can't show, written as an escape; line ends and tabs stay."""
    return "".join([char if char.isprintable() or char in "\n\t" else ascii(char)[1:-1] for char in text])
