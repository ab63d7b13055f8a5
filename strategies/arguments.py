"""Checks of the numbers that strategies are made with."""

from __future__ import annotations

from retiarii.errors import ExperimentError


def check_integers(owner: str, least: int, **given: int) -> None:
    """`ExperimentError` unless each argument, by name, is an integer from `least`."""
    for name, number in given.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < least:
            raise ExperimentError(f"{owner}({name}={number!r}): give an integer from {least}")
