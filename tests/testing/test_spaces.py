"""Stand-ins for model spaces."""

from __future__ import annotations

import pytest

from retiarii import SampleError
from retiarii.testing import DOMAINS, SampleSpace


def test_the_model_of_a_sample_is_the_sample():
    space = SampleSpace(DOMAINS["flat"])
    sample = {"kernel": 3, "width": 16}
    assert list(space.freeze(sample).items()) == [("width", 16), ("kernel", 3)]
    assert space.graph.apply(sample) == sample
    with pytest.raises(SampleError, match="'width'"):
        space.freeze({"kernel": 3})
