"""What commands print: safe, whatever is in it."""

from __future__ import annotations

import io
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from retiarii.cli.tables import as_json, moment, one_line, sample_words, show, table


@given(st.text())
def test_text_is_one_printable_line(text):
    assert one_line(text).isprintable()


@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_printable_text_stays_as_it_is(text):
    assert one_line(text) == text


def test_numbers_that_json_lacks_are_null():
    value = {"a": [1.5, math.nan, {"b": (math.inf, -math.inf)}], "c": True}
    assert json.loads(as_json(value)) == {"a": [1.5, None, {"b": [None, None]}], "c": True}


@pytest.mark.parametrize("seconds", [1e300, -1e300, math.nan, math.inf])
def test_a_time_that_is_none_is_shown_as_a_number(seconds):
    assert moment(seconds) == f"{seconds:.6g}"


def test_markup_is_text_and_numbers_stand_at_the_right(capsys):
    show(table(("[b]name[/b]", "count"), [("[red]x[/red]", 1), (":smile:", 20)]), "[i]end[/i]\x1b[0m")
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0].split() == ["[b]name[/b]", "count"]
    assert lines[2].endswith("    1")
    assert [lines[2].split()[0], lines[3].split()[0]] == ["[red]x[/red]", ":smile:"]
    assert lines[-1] == "[i]end[/i]\\x1b[0m"


@pytest.mark.parametrize("columns", [40, 69])
def test_a_table_that_does_not_fit_a_narrow_terminal_is_a_paragraph_for_each_row(columns):
    shown = table(("name", "state", "best"), [("first", "word " * 20, 1.5), ("second", "", None)])
    console = Console(file=io.StringIO(), width=columns)
    console.print(shown)
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert lines[0] == "first"
    assert lines[1].startswith("  state  word word word word word")
    assert [line for line in lines if "best" in line] == ["  best   1.5"]
    assert lines[-1] == "second"
    assert max(map(len, lines)) <= columns


def test_a_table_that_fits_a_narrow_terminal_stays_one():
    console = Console(file=io.StringIO(), width=40)
    console.print(table(("run", "state"), [(1, "ended"), (2, "running")]))
    assert console.file.getvalue().splitlines()[0].split() == ["run", "state"]


def test_a_sample_in_a_line():
    assert sample_words({"a": "x", "b": [1, 2], "c": None, "d": 0.1234567, "e": True, "f": -2.0, "g": 1e20}) == (
        "a=x b=[1, 2] c=null d=0.123457 e=true f=-2.0 g=1e+20"
    )
