"""What commands print: safe, whatever is in it."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_a_sample_in_a_line():
    assert sample_words({"a": "x", "b": [1, 2], "c": None, "d": 0.1234567, "e": True}) == (
        "a=x b=[1, 2] c=null d=0.123457 e=true"
    )
