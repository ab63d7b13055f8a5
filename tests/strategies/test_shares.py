"""Uniform numbers for proposals."""

from __future__ import annotations

import numpy as np

from retiarii import Trial
from retiarii.strategies import Random
from retiarii.strategies.shares import Shares
from retiarii.testing import DOMAINS


def shares(seed=0, width=3):
    strategy = Random()
    strategy.bind(DOMAINS["flat"], {"score": "maximize"}, seed)
    return strategy, Shares(strategy, width)


def told(strategy, *numbers):
    for number in numbers:
        strategy.tell(Trial(number, {"width": 16, "kernel": 3}))


def test_rows_are_uniform_and_none_comes_twice():
    strategy, source = shares()
    rows = []
    for number in range(700):
        rows += [source.row() for _ in range(1 + number % 5)]
        told(strategy, number)
    rows += [source.row() for _ in range(1500)]
    values = np.array(rows)
    assert values.shape == (3600, 3)
    assert len({*values.ravel()}) == values.size
    assert (np.histogram(values, bins=10, range=(0, 1))[0] > 900).all()
    assert (values >= 0).all()
    assert (values < 1).all()


def test_rows_follow_from_the_seed_and_what_is_told():
    (one, first), (other, second) = shares(4), shares(4)
    told(one, *range(300))
    told(other, *reversed(range(300)))
    assert [first.row() for _ in range(600)] == [second.row() for _ in range(600)]
    assert shares(5)[1].row() != shares(4)[1].row()


def test_attempts_begin_anew_when_a_trial_ends_and_rows_do_not():
    strategy, source = shares()
    told(strategy, 0)
    attempts = [source.attempt() for _ in range(9)]
    strategy.asks = 0
    rows = [source.row() for _ in range(9)]
    strategy.tell(Trial(0, {"width": 16, "kernel": 3}).running().completed({"score": 1.0}))
    assert [source.attempt() for _ in range(9)] == attempts
    strategy.asks = 0
    assert source.row() not in rows
