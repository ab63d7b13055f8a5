"""What a search says on stderr. It goes on where nobody reads that: behind a `tee` that Ctrl-C has ended, say."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO


def say(text: str, out: TextIO | None = None) -> None:
    """Writes a line, if there is something that takes it.

    Args:
        text: The line, or several.
        out: Where to; by default stderr, if there is one.
    """
    out = sys.stderr if out is None else out
    if out is None:
        return
    with suppress(OSError, ValueError):
        try:
            print(text, file=out, flush=True)
        except RuntimeError:  # in a signal handler, while something else is being written there
            os.write(out.fileno(), f"{text}\n".encode(errors="backslashreplace"))
