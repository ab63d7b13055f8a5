"""The bar at the bottom of a terminal."""

from __future__ import annotations

import fcntl
import io
import os
import re
import struct
import subprocess
import sys
import termios

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from terminals import terminal

from retiarii.experiment.bar import Bar, fitting
from retiarii.experiment.progress import Stand

SEARCH = """
import sys

from retiarii.evaluators import FunctionalEvaluator
from retiarii.experiment import Experiment
from retiarii.strategies import GridSearch
from retiarii.testing import DOMAINS, SampleSpace


def score(sample):
    if sample["kernel"] == 3:
        raise ValueError(f"no {sample['width']}")
    return {"accuracy_on_validation_data": sample["width"] / 7e9, "latency": 1.0}


objectives = {"accuracy_on_validation_data": "maximize", "latency": "minimize"}
evaluator = FunctionalEvaluator(score, argument="sample")
options = {"directory": sys.argv[1], "name": "shown", "objectives": objectives}
Experiment(SampleSpace(DOMAINS["flat"]), evaluator, GridSearch(), **options).run()
"""

TRAINING = """
from retiarii.experiment.training_view import training_watched

with training_watched(shown=True) as watch:
    watch(0, 300)
    watch(299, 300, "accuracy_of_the_supernet_on_validation_data 0.91, loss_of_the_supernet 0.123")
    watch(300, 300, "accuracy_of_the_supernet_on_validation_data 0.91, loss_of_the_supernet 0.123")
"""

ROW = re.compile(r"(?:trials |epochs )?[━╸╺]{8,40} (\d+/\d+) \d:\d\d:\d\d(?: (.*))?")


def rows(columns, *arguments):
    """What a program shows on a terminal, refresh by refresh."""
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    environment["TERM"] = "xterm"
    with terminal() as (end, screen):
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        settings = {"stdin": end, "stdout": end, "stderr": end, "env": environment, "timeout": 120}
        subprocess.run([sys.executable, "-W", "error", "-c", *arguments], check=True, **settings)
    shown = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.result()))
    return [row for row in shown if re.search("[━╸╺]{2}", row)]


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        (30, "0 s left"),
        (40, "0 s left"),
        (80, r"0 s left, best 9.14286e-09 \(trial 5\), 3 failed"),
        (120, r"0 s left, best 9.14286e-09 \(trial 5\), 3 failed, \S+ \S+"),
    ],
)
def test_bar_count_and_clock_are_whole_in_any_terminal(tmp_path, columns, text):
    found = [(row, ROW.fullmatch(row.rstrip())) for row in rows(columns, SEARCH, str(tmp_path))]
    assert all(match is not None and cell_len(row) <= columns for row, match in found)
    count, said = found[-1][1].groups()
    assert count == "6/6"
    assert re.fullmatch(text, said)


@pytest.mark.parametrize(("columns", "text"), [(30, None), (40, "0 s left"), (80, "0 s left"), (200, "0 s left")])
def test_long_names_leave_the_bar_as_it_is(columns, text):
    found = [(row, ROW.fullmatch(row.rstrip())) for row in rows(columns, TRAINING)]
    assert all(match is not None and cell_len(row) <= columns for row, match in found)
    count, said = found[-1][1].groups()
    assert count == "300/300"
    assert said is None if text is None else said.startswith(text)
    assert ("accuracy_of_the_supernet_on_validation_data 0.91" in str(said)) == (columns == 200)


def drawn(stand, width):
    out = io.StringIO()
    bar = Bar("trials", lambda: stand, Console(file=out, width=width, force_terminal=True, color_system=None))
    bar.start()
    bar.stop()
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue()).split("\r")[0].splitlines()[0]


@pytest.mark.parametrize("width", [24, 30, 40, 80])
def test_large_counts_stay_whole(width):
    row = drawn(Stand(99_999, 100_000, ["2:00:07 left", "best 0.123457 (trial 98765)"]), width)
    assert " 99999/100000 0:00:00" in row
    assert row[0] in "t━╸╺"
    assert cell_len(row) <= width


def test_a_search_without_an_end_has_a_bar_too():
    assert " 7/? 0:00:00 best [bold]" in drawn(Stand(7, None, ["best [bold]"]), 80)


@given(st.lists(st.text(max_size=30).filter(str.strip), max_size=5), st.integers(-20, 100))
def test_text_takes_no_more_room_than_there_is(parts, room):
    text = fitting(parts, room)
    assert cell_len(text) <= max(room, 0)
    assert "\n" not in text
    whole = ", ".join([" ".join(part.split()) for part in parts])
    assert whole.startswith(text) or text.endswith("…")
