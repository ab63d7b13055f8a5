"""Which samples are known already."""

from __future__ import annotations

import json
from hashlib import blake2b

from retiarii.domain import Sample


class Seen:
    """A set of canonical samples that holds 16 bytes of each, so that millions fit."""

    def __init__(self) -> None:
        self._digests: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._digests)

    def add(self, sample: Sample) -> bool:
        """Takes note of a canonical sample; whether it was new."""
        before = len(self._digests)
        self._digests.add(blake2b(json.dumps(sample).encode(), digest_size=16).digest())
        return len(self._digests) > before
