"""Which samples are the same."""

from __future__ import annotations

import json

from retiarii.strategies.digest import digest
from retiarii.testing import DOMAINS


def test_look_alikes_are_different():
    samples = list(DOMAINS["look-alikes"].grid())
    assert len(samples) == len({digest(sample) for sample in samples}) == 8


def test_a_canonical_sample_is_the_same_after_json():
    for domain in (DOMAINS["look-alikes"], DOMAINS["subsets"]):
        samples = list(domain.grid())
        digests = [digest(sample) for sample in samples]
        assert len({*digests}) == len(samples)
        assert [digest(domain.canonical(json.loads(json.dumps(sample)))) for sample in samples] == digests
