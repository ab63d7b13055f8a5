"""Ctrl-C and SIGTERM, once and twice: the search ends as it should, nothing is left behind, and it can go on."""

from __future__ import annotations

TIMES = 12


def test_signals_end_a_search_that_can_go_on(seen, directory):
    found = seen("signals.py", TIMES, directory)
    assert found["codes"] == [], "exit codes, or None for one that had to be killed"
    assert found["ended as they should"] == found["resumed"] == TIMES
    assert found["late"] == found["orphans"] == found["lost"] == found["torn"] == found["left running"] == 0
    assert found["with trials"] >= 2 * TIMES / 3
