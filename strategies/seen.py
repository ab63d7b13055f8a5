"""Which samples are known already."""

from __future__ import annotations

import marshal
from hashlib import blake2b

from retiarii.domain import Sample

_PLAIN = 2
"""The format of marshal in which equal values of equal types give equal bytes: it has no references yet."""


def digest(sample: Sample) -> bytes:
    """16 bytes that are equal for equal canonical samples of one domain.

    Labels are left out: which ones are active follows from the values before.
    """
    return blake2b(marshal.dumps([*sample.values()], _PLAIN), digest_size=16).digest()


class Seen:
    """A set of canonical samples of one domain that holds 16 bytes of each, so that millions fit."""

    def __init__(self) -> None:
        self._digests: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._digests)

    def __contains__(self, sample: Sample) -> bool:
        return digest(sample) in self._digests

    def add(self, sample: Sample) -> bool:
        """Takes note of a sample; whether it was new."""
        before = len(self._digests)
        self._digests.add(digest(sample))
        return len(self._digests) > before
