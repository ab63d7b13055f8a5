"""Texts as they are written down: short, and the same in every process."""

from __future__ import annotations

import re
import zlib

LETTERS = 200
_ADDRESS = re.compile(r"(?: object)? at 0x[0-9a-fA-F]+|\b0x[0-9a-fA-F]{8,}")


def shortened(text: str, most: int = LETTERS) -> str:
    """`text`, or its beginning, its length and a checksum of all of it."""
    if len(text) <= most:
        return text
    end = f"... ({len(text):,} letters, {checksum(text)})"
    return text[: most - len(end)] + end


def checksum(text: str) -> str:
    """Eight hexadecimal digits."""
    return f"{zlib.crc32(text.encode('utf-8', 'backslashreplace')):08x}"


def without_addresses(text: str, thing: object) -> str:
    """`text` about a thing without the places in memory that it names."""
    return _ADDRESS.sub("", text).replace(str(id(thing)), "...")
