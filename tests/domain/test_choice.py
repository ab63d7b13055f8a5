from __future__ import annotations

import json
import math
import pickle
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retiarii.domain import Categorical, Numeric, Subset, index_at
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

    def test_numbers_are_the_order_of_the_values(self, choice):
        if choice.size < math.inf:
            assert [choice.nth(index) for index in range(int(choice.size))] == list(choice.values())

    def test_a_grid_of_shares_is_the_distribution(self, choice):
        shares = [(index + 0.5) / 3000 for index in range(3000)]
        values = [choice.at(share) for share in shares]
        assert all(choice.check(value) == value for value in (*values, choice.at(0.0), choice.at(1 - 2**-53)))
        if choice.size < math.inf and not getattr(choice, "log", False):
            counts = Counter(map(repr, values))
            assert len(counts) == choice.size
            assert max(counts.values()) - min(counts.values()) <= 1
        else:
            assert values == sorted(values)

    def test_other_values_are_all_but_one_in_their_shares(self, choice):
        if choice.size == 1:
            return
        for own in (choice.default, choice.at(0.0), choice.at(0.3), choice.at(1 - 2**-53)):
            others = Counter(repr(choice.other_at(own, (index + 0.5) / 3000)) for index in range(3000))
            assert repr(own) not in others
            if choice.size < math.inf:
                drawn = Counter(repr(choice.at((index + 0.5) / 3000)) for index in range(3000))
                del drawn[repr(own)]
                scale = 3000 / drawn.total()
                assert all(others[value] == pytest.approx(count * scale, abs=3) for value, count in drawn.items())

    def test_what_is_near_is_canonical_and_distinct(self, choice):
        for own in (choice.default, choice.at(0.0), choice.at(0.4), choice.at(1 - 2**-53)):
            others = list(choice.others(own))
            assert all(repr(choice.check(value)) == repr(value) != repr(own) for value in others)
            assert len({repr(value) for value in others}) == len(others)
            assert others or choice.size == 1

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


def test_all_values_of_few_are_near():
    assert list(Categorical("c", "abcd").others("c")) == ["a", "b", "d"]
    assert list(Categorical("c", (1, True, 1.0)).others(True)) == [1, 1.0]
    assert list(Subset("s", 2).others([0])) == [[], [1], [0, 1]]
    assert list(Numeric("n", 1, 4, integer=True).others(3)) == [1, 2, 4]


def test_of_many_subsets_those_that_differ_in_one_index_are_near():
    assert list(Subset("s", 30, 1, 2).others([4])) == [
        *[sorted([4, new]) for new in range(30) if new != 4],
        *[[new] for new in range(30) if new != 4],
    ]
    assert [3, 20] in Subset("s", 30, 2, 2).others([3, 4])
    assert len(list(Subset("s", 30, 2, 2).others([3, 4]))) == 2 * 28
    assert sum(1 for _ in Subset("s", 200).others([])) == 200


def test_of_a_long_range_few_steps_are_near():
    assert list(Numeric("n", 0, 1024, integer=True).others(512)) == [256, 448, 496, 508, 511, 513, 516, 528, 576, 768]
    assert list(Numeric("n", 0, 1024, integer=True).others(10)) == [0, 6, 9, 11, 14, 26, 74, 266]
    assert list(Numeric("n", 0, 256).others(256.0)) == [192.0, 240.0, 252.0, 255.0]
    logarithmic = Numeric("n", 1, 2**16, log=True)
    steps = (-4, -1, -1 / 4, -1 / 16, 1 / 16, 1 / 4, 1, 4)
    assert list(logarithmic.others(2.0**8)) == pytest.approx([2.0 ** (8 + step) for step in steps])
    assert len(list(Numeric("n", -(2**63) + 1, 2**63 - 1, integer=True).others(0))) == 10


def test_a_range_of_two_floats_has_another_value():
    low, high = 1.0, math.nextafter(1.0, 2.0)
    choice = Numeric("n", low, high)
    assert {choice.other_at(low, share / 10) for share in range(10)} == {high}
    assert {choice.other_at(high, share / 10) for share in range(10)} == {low}


@given(st.integers(1, 2000), st.integers(0, 2000), st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_other_integers_of_any_logarithmic_range(low, width, first, second):
    choice = Numeric("n", low, low + width, integer=True, log=True)
    own = choice.at(first)
    if width:
        other = choice.other_at(own, second)
        assert choice.check(other) == other != own


@given(st.integers(1, 2**200), st.floats(0, 1, exclude_max=True))
def test_an_index_is_where_its_share_is(size, share):
    index = index_at(share, size)
    assert 0 <= index < size
    assert abs(Fraction(share) * size - index) <= max(1, Fraction(size, 2**52))


def test_indices_beyond_the_precision_of_a_share_have_no_common_remainder():
    rng = np.random.default_rng(0)
    remainders = Counter(index_at(share, 6**40) % 6 for share in rng.random(6000))
    assert all(850 < remainders[remainder] < 1150 for remainder in range(6))


def test_large_subsets_are_drawn_from_all_of_them():
    choice = Subset("s", 200)
    drawn = [choice.random(np.random.default_rng(seed)) for seed in range(300)]
    times = Counter(index for subset in drawn for index in subset)
    assert all(100 < times[index] < 200 for index in range(200))
    assert len({tuple(subset[-5:]) for subset in drawn}) > 20


@given(st.integers(1, 9), st.data())
def test_combinations_are_numbered_in_order(n_candidates, data):
    minimum = data.draw(st.integers(0, n_candidates))
    choice = Subset("s", n_candidates, minimum, data.draw(st.integers(minimum, n_candidates)))
    assert [choice.nth(index) for index in range(choice.size)] == list(choice.values())
