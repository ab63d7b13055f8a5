from __future__ import annotations

import json
import math
import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retiarii.domain import Categorical, Numeric, Subset
from retiarii.errors import DomainError, SampleError

CHOICES = [
    Categorical("c", (3, "x", None, True, 1.5, (1, (2, 3)), {"rate": [0.1]})),
    Subset("s", 5, 1, 3),
    Subset("all", 4),
    Subset("exact", 5, 2, 2),
    Subset("few", 5, 0, 2),
    Numeric("n", -3, 4, integer=True),
    Numeric("one", 2, 2, integer=True),
    Numeric("ln", 1, 1000, integer=True, log=True),
    Numeric("f", -1, 2.5),
    Numeric("lf", 1e-6, 1, log=True),
    Numeric("wide", -1.7e308, 1.7e308),
]


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice.label)
class TestEveryChoice:
    def test_random_values_and_the_default_are_canonical(self, choice):
        rng = np.random.default_rng(0)
        for value in [choice.default, *[choice.random(rng) for _ in range(200)]]:
            checked = choice.check(value)
            assert checked == value
            assert type(checked) is type(value)

    def test_values_survive_json(self, choice):
        value = choice.random(np.random.default_rng(1))
        assert choice.check(json.loads(json.dumps(value))) == value

    def test_values_are_distinct_and_as_many_as_the_size(self, choice):
        if choice.size == math.inf:
            with pytest.raises(DomainError, match=f"{choice.label!r} is continuous.*use randint or a list of values"):
                choice.values()
        else:
            values = list(choice.values())
            assert len(values) == len({repr(value) for value in values}) == choice.size
            assert all(choice.check(value) == value for value in values)

    def test_same_seed_same_value(self, choice):
        first, second = (choice.random(np.random.default_rng(7)) for _ in range(2))
        assert first == second

    def test_pickles_and_compares_by_content(self, choice):
        assert pickle.loads(pickle.dumps(choice)) == choice  # noqa: S301
        assert sum(choice == other for other in CHOICES) == 1

    def test_immutable(self, choice):
        with pytest.raises(AttributeError):
            choice.label = "other"

    def test_wrong_values_are_named_with_their_type_and_what_is_expected(self, choice):
        with pytest.raises(SampleError, match=rf"^'{choice.label}' is 'no such' \(str\), not (one of|a|an) "):
            choice.check("no such")


def test_categorical_tells_values_apart_by_type():
    choice = Categorical("c", (1, 1.0, True, "1", None))
    assert [type(choice.check(value)) for value in (1, 1.0, True, "1", None)] == [int, float, bool, str, type(None)]
    assert Categorical("c", (1,)) != Categorical("c", (True,))
    with pytest.raises(SampleError, match=r"'c' is 0.0 \(float\), not one of 0$"):
        Categorical("c", (0,)).check(0.0)


def test_categorical_takes_json_lists_and_numpy_scalars_for_its_own_values():
    choice = Categorical("c", ([3, 3], (5, 5), 7))
    assert choice.default == (3, 3)
    assert choice.check([5, 5]) == (5, 5)
    assert type(choice.check(np.int64(7))) is int
    assert hash(choice) == hash(Categorical("c", ((3, 3), (5, 5), 7)))


def test_long_lists_of_candidates_are_shortened_in_errors():
    with pytest.raises(SampleError, match=r"'c' is 99 \(int\), not one of 0, 1, .*, 11 and 18 more$"):
        Categorical("c", tuple(range(30))).check(99)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Categorical("", (1,)), "label of a choice is a non-empty string, not ''"),
        (lambda: Categorical("c", ()), "'c' has no candidates; give at least one"),
        (lambda: Categorical("c", (1, 2, 1)), "'c' has the candidate 1 twice; remove one"),
        (lambda: Categorical("c", ((1, 2), [1, 2])), r"'c' has the candidate \(1, 2\) twice"),
        (lambda: Categorical("c", (object,)), "'c': <class 'object'> .* is not a JSON value; use numbers, strings"),
        (lambda: Categorical("c", (math.nan,)), r"'c': nan \(float\) is not a JSON value"),
        (lambda: Subset("s", 0), "'s' has 0 candidates; give at least one"),
        (lambda: Subset("s", 3, 2, 1), "'s' wants 2 to 1 of 3 candidates; give 0 <= minimum <= maximum <= 3"),
        (lambda: Subset("s", 3, 0, 4), "'s' wants 0 to 4 of 3 candidates"),
        (lambda: Subset("s", 3, -1), "'s' wants -1 to 3 of 3 candidates"),
        (lambda: Subset("s", 2.5), r"'s' counts with integers, not 2.5 \(float\)"),
        (lambda: Numeric("n", 2, 1), "'n' goes from low=2.0 to high=1.0; give low < high"),
        (lambda: Numeric("n", 1, 1), "'n' goes from low=1.0 to high=1.0; give low < high"),
        (lambda: Numeric("n", 0, 1, log=True), "'n' is logarithmic with low=0.0; give low > 0 or log=False"),
        (lambda: Numeric("n", 0, math.inf), "'n' has high=inf; give a finite number"),
        (lambda: Numeric("n", "0", 1), "'n' has low='0'; give a finite number"),
        (lambda: Numeric("n", 0.5, 3, integer=True), "'n' has low=0.5; an integer choice needs 64-bit integers"),
        (lambda: Numeric("n", 0, 2**63, integer=True), "'n' has high=9223372036854775808; an integer choice needs"),
    ],
)
def test_choices_written_wrongly(make, message):
    with pytest.raises(DomainError, match=message):
        make()


@pytest.mark.parametrize(
    ("value", "canonical"), [([3, 1], [1, 3]), ((0,), [0]), ([np.int64(4), 0, 2], [0, 2, 4])], ids=repr
)
def test_subset_accepts_any_order(value, canonical):
    assert Subset("s", 5, 1, 3).check(value) == canonical


@pytest.mark.parametrize("value", [[], [0, 1, 2, 3], [0, 0], [5], [-1], [True], [1.0], 1, None, {"0": 1}], ids=repr)
def test_subset_refuses(value):
    with pytest.raises(SampleError, match=r"'s' is .* not a list of 1 to 3 distinct indices from 0 to 4$"):
        Subset("s", 5, 1, 3).check(value)


def test_subset_defaults():
    assert Subset("s", 4).default == [0, 1, 2, 3]
    assert Subset("s", 4, 1, 2).default == [0, 1]
    assert Subset("s", 4, 2, 2).default == [0, 1]


def test_random_subsets_are_uniform_over_all_allowed_ones():
    rng = np.random.default_rng(0)
    choice = Subset("s", 4, 1, 3)
    times = Counter(tuple(choice.random(rng)) for _ in range(14_000))
    assert len(times) == choice.size == 14
    assert all(800 < count < 1200 for count in times.values())


def test_the_size_of_a_large_subset_is_exact():
    assert Subset("s", 1000).size == 2**1000
    assert Subset("s", 1000).check(Subset("s", 1000).random(np.random.default_rng(0)))


@pytest.mark.parametrize(
    ("choice", "default"),
    [
        (Numeric("n", 0, 9, integer=True), 4),
        (Numeric("n", 1, 100, integer=True, log=True), 10),
        (Numeric("n", -1, 2), 0.5),
        (Numeric("n", 1e-4, 1, log=True), 0.01),
    ],
)
def test_numeric_default_is_the_middle(choice, default):
    assert choice.default == pytest.approx(default)
    assert type(choice.default) is type(default)


def test_numeric_bounds_are_included_and_numbers_made_canonical():
    choice = Numeric("n", 0, 1)
    assert [(choice.check(value), type(choice.check(value))) for value in (0, 1, np.float32(0.5))] == [
        (0.0, float),
        (1.0, float),
        (0.5, float),
    ]
    for wrong in (-0.001, 1.001, math.nan, True, None):
        with pytest.raises(SampleError, match=r"'n' is .* not a number from 0\.0 to 1\.0"):
            choice.check(wrong)
    with pytest.raises(SampleError, match=r"'n' is 2\.0 \(float\), not an integer from 1 to 3"):
        Numeric("n", 1, 3, integer=True).check(2.0)


@given(st.integers(1, 50), st.integers(0, 50), st.booleans())
def test_random_integers_reach_both_bounds(low, width, log):
    choice = Numeric("n", low, low + width, integer=True, log=log)
    rng = np.random.default_rng(0)
    values = {choice.random(rng) for _ in range(40 * (width + 1))}
    assert values <= set(range(low, low + width + 1))
    assert log or {low, low + width} <= values


def test_logarithmic_values_are_uniform_in_the_logarithm():
    rng = np.random.default_rng(0)
    choice = Numeric("n", 1e-4, 1, log=True)
    logarithms = [math.log10(choice.random(rng)) for _ in range(4000)]
    assert np.histogram(logarithms, bins=4, range=(-4, 0))[0] == pytest.approx([1000] * 4, rel=0.15)
