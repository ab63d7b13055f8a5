"""Functions of users, in words and as marks."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from retiarii.domain import Domain, Numeric
from retiarii.domain.constraint import Predicate
from retiarii.domain.naming import in_words, mark, plain_fields
from retiarii.domain.partial import Partial

LIMIT = 5

STABLE = """
from retiarii.domain.naming import mark
print(mark(lambda sample: sample["op"] in {"conv", "pool", "skip"}), mark(lambda s, names=("a", "b"): s in names))
"""


def small(sample, limit, name=None):
    return sample["width"] < limit


def below(sample):
    return sample["width"] < LIMIT


def enclosed(limit, seen):
    def rule(sample):
        seen.append(sample)
        return sample["width"] < limit

    return rule


def counting():
    count = 0

    def rule(sample):
        nonlocal count
        count += 1
        return count > 0

    return rule


class Rule:
    def __init__(self, limit, words=()):
        self.limit = limit
        self.words = words
        self.calls = 0
        self.table = {"large": 3}

    def __call__(self, sample):
        self.calls += 1
        return sample["width"] < self.limit

    def holds(self, sample):
        return self(sample)

    @staticmethod
    def always(sample):
        return True


@dataclass(frozen=True, slots=True)
class Slotted:
    limit: float

    def __call__(self, sample):
        return sample["width"] < self.limit


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (small, "small"),
        (below, "below where LIMIT=5"),
        (functools.partial(small, limit=5), "small(limit=5)"),
        (functools.partial(small, {"width": 3}, np.int64(5), name="it"), "small(dict, 5, name='it')"),
        (functools.partial(Rule(5), sample=None), "Rule(limit=5, words=())(sample=None)"),
        (enclosed(5, []), "rule where limit=5"),
        (counting(), "rule"),
        (Rule(5, ("a",)), "Rule(limit=5, words=('a',))"),
        (Rule(5).holds, "Rule(limit=5, words=()).holds"),
        (Rule.always, "Rule.always"),
        (Slotted(0.5), "Slotted(limit=0.5)"),
        (lambda sample: True, "<lambda>"),
        (bool, "bool"),
        (np.isfinite, "isfinite"),
    ],
)
def test_words(function, words):
    assert in_words(function) == words


def test_what_methods_change_is_no_plain_field():
    rule = Rule(5)
    before = mark(rule), in_words(rule)
    assert rule({"width": 3})
    assert (mark(rule), in_words(rule)) == before
    assert plain_fields(rule) == {"limit": 5, "words": ()}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda sample: sample["width"] < 5, lambda sample: sample["width"] < 6),
        (lambda sample: sample["width"] < 5, lambda sample: sample["width"] <= 5),
        (lambda sample: sample["width"] < 5, lambda sample: sample["depth"] < 5),
        (lambda sample: sample["width"] == 1, lambda sample: sample["width"] == 1.0),
        (lambda sample: all(x < 5 for x in sample), lambda sample: all(x < 6 for x in sample)),
        (lambda sample, limit=5: sample < limit, lambda sample, limit=6: sample < limit),
        (functools.partial(small, limit=5), functools.partial(small, limit=6)),
        (functools.partial(small, limit="x" * 99 + "a"), functools.partial(small, limit="x" * 99 + "b")),
        (enclosed(5, []), enclosed(6, [])),
        (Rule(5), Rule(6)),
        (Rule(5).holds, Rule(6).holds),
        (Rule(5).holds, Rule(5).__call__),
        (Slotted(5), Slotted(6)),
        (functools.wraps(small)(lambda *given: True), functools.wraps(below)(lambda *given: True)),
    ],
)
def test_marks_tell_apart(one, other):
    assert mark(one) != mark(other)
    assert Predicate(one).mark == Partial(Predicate(one), frozenset()).mark == mark(one)


def test_neither_comments_nor_names_of_variables_count():
    def first(sample):
        """In words."""
        found = sample["width"]
        return found < 5 and sample["depth"] > 1

    one = mark(first)

    def first(sample):
        # In other words.
        width = sample["width"]

        return (
            width < 5  # narrow
            and sample["depth"] > 1
        )

    assert mark(first) == one
    assert mark(enclosed(5, [])) == mark(enclosed(5, [1, 2]))


def test_marks_are_the_same_in_every_process():
    def marks(seed):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        return subprocess.check_output([sys.executable, "-c", STABLE], env=environment, text=True)

    assert marks("1") == marks("2") == marks("3")
    assert marks("1").startswith(sys.implementation.cache_tag)


def test_constraints_of_other_values_are_others():
    domain = Domain([Numeric("width", 0, 1)])
    five, six = (domain.constrained(Predicate(functools.partial(small, limit=limit))) for limit in (5, 6))
    assert five != six
    assert five == domain.constrained(Predicate(functools.partial(small, limit=5)))
