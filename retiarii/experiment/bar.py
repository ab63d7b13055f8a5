"""A progress bar that stays at the bottom of the terminal, however narrow that is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from rich.cells import cell_len
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Column, Table
from rich.text import Text

from retiarii.experiment.progress import Stand

_LEAST_BAR = 8
_SHARE_OF_BAR = 6
"""Of the terminal, the bar is a sixth."""

_LEAST_TEXT = 12
_ROOMY = 60
"""Cells of a terminal from which it is also said what is counted."""


class Bar:
    """Bar, count and clock are always there, and of the text as much as there is room for.

    Args:
        what: What is counted.
        look: Says how far it is; called at each refresh, four times a second, in another thread.
        console: Where to; by default stderr.
    """

    def __init__(self, what: str, look: Callable[[], Stand], console: Console | None = None) -> None:
        self._what = what
        self._look = look
        self._console = Console(stderr=True) if console is None else console
        self._begin = time.monotonic()
        # Only where both are terminals, or what an evaluation prints would leave by the wrong door.
        self._live = Live(console=self._console, get_renderable=self._row, redirect_stdout=sys.stdout.isatty())

    def start(self) -> None:
        self._begin = time.monotonic()
        self._live.start(refresh=True)

    def stop(self) -> None:
        with suppress(OSError):  # the terminal may be gone
            self._live.stop()

    def _row(self) -> Table:
        stand = self._look()
        columns = self._console.width
        what = [self._what] if columns >= _ROOMY else []
        count = f"{stand.done}/{'?' if stand.total is None else stand.total}"
        clock = _clock(int(time.monotonic() - self._begin))
        room = columns - sum([len(part) + 1 for part in (*what, count, clock)])
        width = max(1, min(room, max(_LEAST_BAR, columns // _SHARE_OF_BAR)))
        text = fitting(stand.said, room - width - 1)
        bar = ProgressBar(total=stand.total, completed=stand.done, width=width, animation_time=time.monotonic())
        cells: list[Text | ProgressBar] = [*map(Text, what), bar]
        cells += [Text(count, "progress.download"), Text(clock, "progress.elapsed"), *([Text(text)] if text else [])]
        row = Table.grid(*[Column(no_wrap=True) for _ in cells], padding=(0, 1))
        row.add_row(*cells)
        return row


def _clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def fitting(parts: Sequence[str], room: int) -> str:
    """As many of the parts, from the first on, as there is room for, in cells of a terminal; the last may be cut."""
    text = ""
    for part in [" ".join(part.split()) for part in parts]:
        longer = f"{text}, {part}" if text else part
        if cell_len(longer) > room:
            return text if room < _LEAST_TEXT or text else _cut(part, room)
        text = longer
    return text


def _cut(part: str, room: int) -> str:
    cut = Text(part)
    cut.truncate(room, overflow="ellipsis")
    return cut.plain
