"""The integers below any number in an order by chance, without a list of them."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b, shake_128

import numpy as np

_LISTED = 2**16
_ROUNDS = 6


def permutation(size: int, seed: int) -> Iterator[int]:
    """The integers from 0 to below `size`, each once; the same seed gives the same order.

    Every order of up to 65,536 is as likely. More than these are enciphered one by one, by a Feistel network over as
    many bits as the largest has, again and again until the result is below `size` (Black and Rogaway, "Ciphers with
    Arbitrary Finite Domains", 2002, the cycle-walking cipher).
    """
    if size <= _LISTED:
        return iter(np.random.default_rng(seed).permutation(size).tolist())
    return _enciphered(size, seed)


def _enciphered(size: int, seed: int) -> Iterator[int]:
    bits = (size - 1).bit_length()
    key = blake2b(repr((seed, size)).encode(), digest_size=16).digest()
    for number in range(size):
        result = _feistel(number, bits, key)
        while result >= size:
            result = _feistel(result, bits, key)
        yield result


def _feistel(number: int, bits: int, key: bytes) -> int:
    """A permutation of the numbers of so many bits."""
    low_bits, high_bits = bits // 2, bits - bits // 2
    high, low = number >> low_bits, number & ((1 << low_bits) - 1)
    length = (high_bits + 7) // 8
    for turn in range(_ROUNDS):
        noise = int.from_bytes(shake_128(key + low.to_bytes(length) + bytes([turn])).digest(length))
        # The halves change places, and their widths with them.
        high, low = low, high ^ (noise & ((1 << high_bits) - 1))
        high_bits, low_bits = low_bits, high_bits
    return high << low_bits | low
