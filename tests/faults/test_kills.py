"""Processes that are killed at random moments: nothing acknowledged is lost, nothing stays behind."""

from __future__ import annotations

import pytest

KILLS = {"sequential": 155, "process": 45}


@pytest.mark.parametrize("engine", KILLS)
def test_a_killed_search_goes_on_where_it_stopped(seen, directory, engine):
    found = seen("kills.py", engine, KILLS[engine], directory)
    assert found["kills"] == KILLS[engine]
    assert found["lost"] == found["changed"] == 0, "a trial was lost that had been acknowledged, or run again"
    assert found["torn"] == 0, "SQLite finds a record damaged"
    assert found["orphans"] == 0, "a worker has outlived its parent"
    assert found["unended"] == 0, "a resumed search left trials that have not completed"
    assert found["sequences"] == found["ends"] > 0, "a resumed search proposed something else than one never killed"
    assert found["with_records"] > KILLS[engine] / 10
    assert (found["workers"] > 0) == (engine == "process")


def test_a_killed_worker_costs_its_own_trial_at_most(seen, directory):
    found = seen("workers.py", 20, directory)
    assert found["kills"] == 20
    assert found["failed"] <= 20
    assert found["unnamed"] == [], "a failed trial does not name the signal"
    assert found["wrong"] == found["others"] == 0, "a trial was disturbed whose worker was not killed"
    assert found["completed"] > 100
    assert found["left"] == 0


def test_what_evaluations_start_ends_with_their_worker_or_its_parent(seen, directory):
    found = seen("families.py", directory)
    assert (found["completed"], found["failed"]) == (5, 15)
    assert found["left"] == 0, "processes that were started by an evaluation outlive the search"
    assert found["orphans"] == {"begun": 10, "left": 0}, "or the parent of its worker, which was killed"
