"""Shares: numbers uniform in [0, 1), and what they point to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import shake_128

import numpy as np

_EXACT = 2**53


def index_at(share: float, size: int) -> int:
    """The index, below `size`, that a number from [0, 1) stands for: `i` if it is from `i / size` to `(i + 1) / size`.

    A float tells 2**53 places apart. Where there are more indices, as many can be reached: the float says where about,
    and digits that look random, but follow from it, say where exactly, so that no remainder is preferred.
    """
    if size <= _EXACT:
        return int(share * size)
    lead = int(share * _EXACT)
    length = size.bit_length() // 8 + 1
    rest = int.from_bytes(shake_128(lead.to_bytes(8)).digest(length))
    return ((lead << 8 * length | rest) * size) >> (53 + 8 * length)


def more_shares(shares: Sequence[float]) -> Iterator[list[float]]:
    """Further rows of as many shares, without end, which follow from these."""
    rng = np.random.default_rng([int(share * _EXACT) for share in shares])
    while True:
        yield rng.random(len(shares)).tolist()
