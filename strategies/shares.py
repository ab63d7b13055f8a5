"""Uniform numbers for proposals, drawn in blocks because a generator for each costs more than many a proposal."""

from __future__ import annotations

import numpy as np

from retiarii.strategy import Strategy

_ROWS = 256


class Shares:
    """Rows of uniform numbers from [0, 1): like `Strategy.rng`, a function of the seed and the trials told.

    Args:
        strategy: Whose proposals they are for; bound.
        width: How many numbers a proposal needs, at least 1.
    """

    def __init__(self, strategy: Strategy, width: int) -> None:
        self._strategy = strategy
        self._width = width
        self._first = self._later = -1, -1
        self._first_rows: list[list[float]] = []
        self._later_rows: list[list[float]] = []

    def row(self) -> list[float]:
        """The numbers for the next proposal; others each time it is called."""
        self._strategy.asks += 1
        # Every tell raises this number, so no two proposals of a search share it, but for those between two tells.
        return self._row(self._strategy.known + self._strategy.ended)

    def attempt(self) -> list[float]:
        """The same, but it does not depend on how many of the trials told have ended.

        So it is the same again after a trial has ended: for who leaves out what is a trial already.
        """
        self._strategy.asks += 1
        return self._row(self._strategy.known)

    def _row(self, moment: int) -> list[float]:
        later = self._strategy.asks - 1
        if later:
            # Blocks of 1, 2, 4 and so on: few asks are cheap, and so is each of many.
            size = min(1 << (later.bit_length() - 1), _ROWS)
            place = later - size if size < _ROWS else later % _ROWS
            if self._later != (moment, later - place):
                self._later = moment, later - place
                self._later_rows = self._drawn([moment, later - place], size)
            return self._later_rows[place]
        block, place = divmod(moment, _ROWS)
        if self._first != (block, 0):
            self._first = block, 0
            self._first_rows = self._drawn([block], _ROWS)
        return self._first_rows[place]

    def _drawn(self, moment: list[int], rows: int) -> list[list[float]]:
        rng = np.random.default_rng([self._strategy.seed, *moment])
        return rng.random((rows, self._width)).tolist()  # type: ignore[no-any-return]
