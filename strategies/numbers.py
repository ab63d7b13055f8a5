"""Which trials were heard of."""

from __future__ import annotations


class Numbers:
    """A set of trial numbers, which takes no room for those below which none is missing."""

    def __init__(self) -> None:
        self._below = 0
        self._beyond: set[int] = set()

    def add(self, number: int) -> bool:
        """Takes note of a number; whether it is new."""
        if number < self._below or number in self._beyond:
            return False
        self._beyond.add(number)
        while self._below in self._beyond:
            self._beyond.remove(self._below)
            self._below += 1
        return True
