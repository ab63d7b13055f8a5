"""What commands print: tables and facts for people, JSON for programs; text from records is never more than text."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from retiarii.cli.plain import plain
from retiarii.errors import ExperimentError

_UNFOLDED = 100_000
_READABLE = 70
"""On a terminal of fewer columns a table that doesn't fit has columns of a few letters."""

_MANY_DIGITS = 6
_LONG = 100
UNREAD = 141
"""The exit code of a process that SIGPIPE ends."""

_ENCODE = json.JSONEncoder(allow_nan=False).encode


def one_line(text: str) -> str:
    """`text` on one line, with everything a terminal would act on as an escape."""
    return text if text.isprintable() else plain(text).replace("\n", "\\n").replace("\t", "\\t")


def cell(content: object, style: str = "") -> Text:
    """Text in which nothing is markup; numbers with six digits."""
    if content is None:
        return Text("")
    return Text(one_line(number(content) if isinstance(content, float) else str(content)), style)


def number(value: float) -> str:
    return f"{value:.{_MANY_DIGITS}g}"


def cut(text: str) -> str:
    """The beginning of a long text, for tables that people read."""
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"


def moment(seconds: float | None) -> str:
    """A time of `time.time` for people here; empty for None."""
    if seconds is None:
        return ""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    except (OverflowError, OSError, ValueError):  # a clock that was set to no year at all
        return number(seconds)


def sample_words(sample: Mapping[str, Any]) -> str:
    """A sample in one line: `width=64 act=relu`."""
    return " ".join([f"{label}={_bare(value)}" for label, value in sample.items()])


def _bare(value: object) -> str:
    if isinstance(value, float):
        written = number(value)
        return f"{written}.0" if written.lstrip("-").isdecimal() else written
    return value if isinstance(value, str) else json.dumps(value)


def facts(rows: Iterable[tuple[str, str]]) -> Table:
    """Names with what is said of them, without lines."""
    return _grid([(name, cell(said)) for name, said in rows])


def _grid(rows: Iterable[tuple[str, Text]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, said in rows:
        grid.add_row(cell(name), said)
    return grid


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, cut: str = "") -> RenderableType:
    """A table; numbers stand at the right. On a narrow terminal it is a paragraph for each row instead.

    Args:
        columns: Their names.
        rows: As many cells in each.
        cut: The column that is cut off, rather than folded, where the terminal is too narrow.
    """
    rows = [*rows]
    wide = _table(columns, rows, cut)
    return wide if cut else _Fitting(wide, Group(*_paragraphs(columns, rows)))


def _paragraphs(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[RenderableType]:
    for row in rows:
        yield cell(row[0] if isinstance(row[0], str) else f"{columns[0]} {row[0]}", "bold")
        said = [(name, cell(each)) for name, each in zip(columns[1:], row[1:], strict=True)]
        yield Padding(_grid([(name, text) for name, text in said if text.plain]), (0, 0, 0, 2))


class _Fitting:
    """A table, or on a terminal that is too narrow for it what stands in its place."""

    def __init__(self, wide: Table, narrow: RenderableType) -> None:
        self._wide, self._narrow = wide, narrow

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        has_room = (
            options.max_width >= _READABLE
            or self._wide.__rich_measure__(console, options.update(width=_UNFOLDED)).maximum <= options.max_width
        )
        yield self._wide if has_room else self._narrow


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]], cut: str) -> Table:
    made = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    for place, name in enumerate(columns):
        is_number = all(isinstance(row[place], int | float | None) for row in rows)
        made.add_column(cell(name), justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
    for row in rows:
        made.add_row(*[_kept_short(cell(each), name == cut) for name, each in zip(columns, row, strict=True)])
    return made


def _kept_short(text: Text, is_cut: bool) -> Text:
    if is_cut:
        text.no_wrap, text.overflow = True, "ellipsis"
    return text


def show(*parts: RenderableType) -> None:
    """Prints the parts with a blank line between them; not folded where nobody reads it in a terminal."""
    never_unprintable()
    is_terminal = sys.stdout.isatty()
    console = _Console(markup=False, emoji=False, highlight=False, width=None if is_terminal else _UNFOLDED)
    with put_out():
        for place, part in enumerate(parts):
            if place:
                console.print()
            console.print(_Trimmed(Text(plain(part)) if isinstance(part, str) else part))


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class _Trimmed:
    """Something to print, without the blanks at the ends of its lines."""

    def __init__(self, part: RenderableType) -> None:
        self._part = part

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for line in console.render_lines(self._part, options, pad=False):
            while line and not line[-1].text.strip(" "):
                line.pop()
            if line:
                text, style, _ = line.pop()
                line.append(Segment(text.rstrip(" "), style))
            yield from line
            yield Segment.line()


@contextmanager
def put_out() -> Iterator[None]:
    """What is printed within has been written at the end.

    Raises:
        ExperimentError: it can't be, as on a full disk.
        typer.Exit: its reader has gone away.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        raise typer.Exit(UNREAD) from None
    except OSError as error:
        _drop_output()
        raise ExperimentError(f"the output can't be written: {error.strerror}") from error


def _drop_output() -> None:
    """Throws away what Python still holds, and would complain of in the end."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def show_json(value: object) -> None:
    """Prints a JSON document. A number that is none, as only a damaged record holds, is null."""
    with put_out():
        print(as_json(value, indent=2))


def as_json(value: object, *, indent: int | None = None) -> str:
    """JSON as the standard has it: without NaN, and in ASCII."""
    encode = _ENCODE if indent is None else json.JSONEncoder(allow_nan=False, indent=indent).encode
    try:
        return encode(value)
    except ValueError:
        return encode(_finite(value))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, list | tuple) else value


def never_unprintable() -> None:
    """Letters that the output can't have, as in an ASCII locale, are written as escapes and not as an error."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
