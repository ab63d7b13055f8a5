"""Evaluations that do what they should not, in the workers of a ProcessEngine: each costs its own trial at most."""

from __future__ import annotations

COMPLETED = {
    "good": 1.0,
    "good again": 2.0,
    "large": 1e308,
    "low": -1e308,
    "small": 5e-324,
    "array": 1.5,
    **dict.fromkeys(("prints", "prints to a descriptor", "threads", "child", "deaf child", "child in a session"), 1.0),
    **dict.fromkeys(
        ("grandchild", "orphan", "forks", "comes back", "closes", "closes a stream", "signals itself", "roams"), 1.0
    ),
}
FAILED = {
    "closes and prints": "Bad file descriptor",
    "closes all": "worker died",
    "babbles": "",
    "kills its group": "signal 9 (SIGKILL)",
    "_exit": "worker died (exit code 0",
    "exit": "the evaluation called exit(3)",
    "interrupt": "KeyboardInterrupt",
    "generator exit": "GeneratorExit",
    "stops itself": "trial_timeout=5 s",
    "hangs": "trial_timeout=5 s",
    "kills itself": "signal 9 (SIGKILL)",
    "aborts": "signal 6 (SIGABRT)",
    "huge": "expected a number that a float can hold",
    "inf": "metric 'default' is inf (float)",
    "nan": "metric 'default' is nan (float)",
    "bool": "metric 'default' is True (bool)",
    "text": "metric 'default' is '1.5' (str)",
    "none": "metric 'default' is None",
    "complex": "metric 'default' is 1j (complex)",
    "arrays": "of shape (2,)",
    "long error": "xxxx",
    "surrogates": "RuntimeError: a\\udcff\\ud800b",
    "NULs": "RuntimeError: a\0b",
    "escapes": "RuntimeError: \x1b]0;title\x07\x1b[2Ja\r\nb",
    "silent": "Silent: ",
    "recurses": "RecursionError",
}


def as_wanted(case, state, metric, error):
    """Whether an evaluation came to what it should."""
    if case in COMPLETED:
        return (state, metric, error) == ("completed", COMPLETED[case], "")
    return (state, metric) == ("failed", None) and FAILED[case] in error


def test_each_evaluation_costs_its_own_trial_at_most(seen, directory):
    found = seen("hostile.py", directory)
    outcomes = found["outcomes"]
    assert outcomes.keys() == COMPLETED.keys() | FAILED.keys()
    assert {case: outcome for case, outcome in outcomes.items() if not as_wanted(case, *outcome)} == {}
    assert found["left"] == 0, "processes outlive the search"
    assert found["most"] <= 6, "processes outlive the trials that started them"
    assert found["outside"] == ["hostile"]
    assert found["longest"] < 100_000, "letters of an error, which had ten million"
    assert found["disk"] < 2, "megabytes"


def test_what_is_printed_takes_little_room(seen, directory):
    found = seen("prints.py", 100, directory)
    assert found["completed"] == 2
    assert found["last words"]
    assert found["grown"] < 10, "megabytes of memory, of 200 that were printed"
    assert found["disk"] < 1, "megabytes"
