"""What is shown while a supernet is trained."""

from __future__ import annotations

import io
import os
import pickle
import pty
import subprocess
import sys

from retiarii.experiment.training_view import EpochBar, EpochLines, EpochPace, training_watched

TRAINING = """
from retiarii.experiment.training_view import training_watched

with training_watched(shown=True) as watch:
    watch(0, 3)
    for epoch in range(3):
        print("from inside")
        watch(epoch + 1, 3, f"val_acc 0.{epoch}")
"""


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def elsewhere(watch):
    """What another process gets."""
    return pickle.loads(pickle.dumps(watch))  # noqa: S301


def shown(calls, step):
    clock, out = Clock(), io.StringIO()
    watch = EpochLines(out, clock)
    for call in calls:
        watch(*call)
        clock.now += step
    return out.getvalue().splitlines()


def test_a_line_an_epoch_where_epochs_take_their_time():
    assert shown([(0, 3), (1, 3, "val_acc 0.5"), (2, 3, "val_acc 0.75"), (3, 3)], 90.0) == [
        "retiarii: supernet: epoch 0 of 3",
        "retiarii: supernet: epoch 1 of 3, val_acc 0.5, 90 s/epoch, 3:00 left",
        "retiarii: supernet: epoch 2 of 3, val_acc 0.75, 90 s/epoch, 1:30 left",
        "retiarii: supernet: epoch 3 of 3, 90 s/epoch, 0 s left",
    ]


def test_quick_epochs_leave_few_lines_and_the_last():
    lines = shown([(epoch, 500) for epoch in range(501)], 0.01)
    assert len(lines) <= 7
    assert lines[-1] == "retiarii: supernet: epoch 500 of 500, 0.01 s/epoch, 0 s left"


def test_a_training_that_goes_on_is_timed_from_there():
    assert shown([(8, 10), (9, 10)], 2.0)[-1] == "retiarii: supernet: epoch 9 of 10, 2 s/epoch, 2 s left"


def test_time_left_goes_on_during_an_epoch():
    clock = Clock()
    pace = EpochPace(clock)
    pace.update(0, 3, "")
    clock.now = 90.0
    pace.update(1, 3, "val_acc 0.5")
    found = []
    for clock.now in (90.0, 120.0, 180.0, 500.0):
        found.append(pace.status()[-1])
    assert found == ["3:00 left", "2:30 left", "1:30 left", "1:30 left"]
    pace.update(3, 3, "")
    assert pace.status()[-1] == "0 s left"


def test_nothing_is_shown_unless_wanted(capsys):
    with training_watched(shown=False) as watch:
        elsewhere(watch)(1, 2, "text")
    assert capsys.readouterr().err == ""


def test_lines_come_from_other_processes_too(capsys):
    with training_watched(shown=True) as watch:
        elsewhere(watch)(1, 2, "text")
    assert capsys.readouterr().err == "retiarii: supernet: epoch 1 of 2, text\n"


def test_a_bar_travels_without_what_it_draws_with():
    bar = EpochBar()
    bar(0, 2)
    again = elsewhere(bar)
    bar.close()
    again(1, 2)
    again(2, 2)
    again.close()


def test_a_terminal_gets_a_bar_and_stdout_stays_apart():
    ours, theirs = pty.openpty()
    command = [sys.executable, "-W", "error", "-c", TRAINING]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, text=True, check=True)
    os.close(theirs)
    screen = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.stdout.splitlines() == ["from inside"] * 3
    assert "epochs" in screen
    assert "3/3" in screen
    assert "val_acc 0.2" in screen
