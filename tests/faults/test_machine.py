"""Clocks that are put back, parents that may not fork, records of very many trials."""

from __future__ import annotations

import pytest

MANY = 100_000


@pytest.mark.parametrize("engine", ["sequential", "process"])
def test_a_clock_that_is_put_back_changes_no_order(seen, directory, engine):
    found = seen("clock.py", engine, directory)
    assert found["back"] > 3600
    assert found["negative"] == 0, "a duration below zero"
    assert found["numbers"]
    assert found["same"], "a search in parts proposed something else than one in one go"
    assert (found["trials"], found["runs"]) == (40, 4)
    assert found["seconds"] >= 0


def test_workers_start_beside_threads_and_locks_of_the_parent(seen, directory):
    assert seen("threaded.py", directory) == {"completed": 8, "left": 0}


def test_very_many_trials_are_looked_at_and_gone_on_with(seen, directory):
    found = seen("many.py", MANY, directory, "GridSearch")
    assert found["counts"]
    assert found["best"] == 996 / 7
    assert found["iterated"] == MANY
    assert found["trials GridSearch"] == MANY + 5
    assert found["said"]
    assert found["peak megabytes"] < 3, "of memory, for what does not go through all trials"
