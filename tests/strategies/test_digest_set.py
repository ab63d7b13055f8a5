from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from retiarii.strategies.digest_set import DigestSet

EVENLY = (2**64 - 1) // 5_000


@given(st.lists(st.integers(0, 50).map(lambda number: (number * 2**10).to_bytes(8, "big") + b"the rest")))
def test_it_is_a_set_also_where_all_want_the_same_place(digests):
    found, known = DigestSet(), set()
    for digest in digests:
        assert (digest in found) == (digest in known)
        assert found.add(digest) == (digest not in known)
        known.add(digest)
        assert digest in found
        assert len(found) == len(known)


def test_it_keeps_what_it_has_as_it_grows_and_takes_little_room():
    digests = [(number * EVENLY).to_bytes(8, "big") * 2 for number in range(5_000)]
    tracemalloc.start()
    found = DigestSet()
    assert all(map(found.add, digests))
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert not any(map(found.add, digests))
    assert len(found) == len(digests)
    assert held <= 24 * len(digests)
