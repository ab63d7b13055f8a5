"""Which samples are the same."""

from __future__ import annotations

import json

from retiarii.strategies.seen import Seen
from retiarii.testing import DOMAINS


def test_look_alikes_are_different():
    seen = Seen()
    samples = list(DOMAINS["look-alikes"].grid())
    assert all(seen.add(sample) for sample in samples)
    assert len(seen) == 8


def test_a_canonical_sample_is_the_same_after_json():
    seen = Seen()
    for domain in (DOMAINS["look-alikes"], DOMAINS["subsets"]):
        samples = list(domain.grid())
        assert all(seen.add(sample) for sample in samples)
        assert not any(seen.add(domain.canonical(json.loads(json.dumps(sample)))) for sample in samples)
