"""Which samples are no trials yet."""

from __future__ import annotations

from retiarii import Trial
from retiarii.strategies.untried import Untried

SAMPLES = [{"a": value} for value in range(6)]


def untried():
    return Untried(lambda: iter([dict(sample) for sample in SAMPLES]))


def ended(number, sample):
    return Trial(number, sample).running().completed({"score": 1.0})


def test_a_sample_is_new_once():
    left = untried()
    assert left.add({"a": 0})
    assert not left.add({"a": 0})
    assert left.add({"a": True})
    left.tell(ended(0, {"a": 3}))
    assert not left.add({"a": 3})
    assert len(left) == 3


def test_a_walk_leaves_out_trials_and_proposals():
    left = untried()
    left.tell(ended(0, {"a": 1}))
    left.add({"a": 2})
    assert [left.next() for _ in range(5)] == [{"a": 0}, {"a": 3}, {"a": 4}, {"a": 5}, None]


def test_proposals_that_became_no_trial_come_again_in_their_order():
    left = untried()
    first, second, third = (left.next() for _ in range(3))
    left.tell(Trial(0, second))
    assert [left.next(), left.next(), left.next()] == [first, third, {"a": 3}]
    left.tell(ended(0, second))
    assert left.add(third)
    assert [left.next(), left.next()] == [first, {"a": 3}]


def test_proposals_are_trials_where_none_was_announced():
    left = untried()
    first, second = left.next(), left.next()
    left.tell(ended(0, second))
    assert left.next() == {"a": 2}
    assert not left.add(first)


def test_a_trial_told_twice_counts_once():
    left = untried()
    left.tell(Trial(0, {"a": 0}))
    left.tell(ended(0, {"a": 0}))
    assert len(left) == 1


def test_a_sample_that_is_equal_but_another_is_known_by_its_values():
    left = untried()
    sample = left.next()
    left.tell(Trial(0, {"a": 4}))
    left.tell(Trial(1, dict(sample)))
    assert [left.next() for _ in range(5)] == [{"a": 1}, {"a": 2}, {"a": 3}, {"a": 5}, None]
