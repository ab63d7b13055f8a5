"""Sizes known in closed form, of domains far too large to list."""

from __future__ import annotations

import math

from retiarii.domain import Categorical, Domain, Numeric, Subset, Symbol


def choices(stem, number, candidates=(0, 1, 2)):
    return [Categorical(f"{stem}{i}", candidates) for i in range(number)]


def test_sixty_nested_choices():
    conditions = {f"n{i}": ((Symbol(f"n{i - 1}") == 1,),) for i in range(1, 60)}
    assert Domain(choices("n", 60), conditions).size == 2 * 60 + 1


def test_nesting_deeper_than_the_stack_of_python():
    conditions = {f"n{i}": ((Symbol(f"n{i - 1}") >= 1,),) for i in range(1, 400)}
    assert Domain(choices("n", 400), conditions).size == 2**401 - 1


def test_blocks_of_a_repeated_depth_with_inner_choices():
    kernels, ratios = choices("kernel", 40, (3, 5)), choices("ratio", 40, (1, 2, 4))
    conditions = {f"kernel{i}": ((Symbol("depth") > i,),) for i in range(40)}
    conditions |= {f"ratio{i}": ((Symbol(f"kernel{i}") == 5,),) for i in range(40)}
    domain = Domain([Categorical("depth", tuple(range(1, 41))), *kernels, *ratios], conditions)
    assert domain.size == sum([4**depth for depth in range(1, 41)])


def test_stages_multiply():
    stages, conditions = [], {}
    for stage in range(10):
        stages += [Categorical(f"d{stage}", tuple(range(1, 31))), *choices(f"op{stage}.", 30)]
        conditions |= {f"op{stage}.{i}": ((Symbol(f"d{stage}") > i,),) for i in range(30)}
    assert Domain(stages, conditions).size == sum([3**depth for depth in range(1, 31)]) ** 10


def test_every_condition_joins_two_neighbours():
    conditions = {f"b{i}": ((Symbol(f"a{i}") == 1, Symbol(f"a{i + 1}") == 2),) for i in range(99)}
    plain, last_is_one = 3, 1
    for _ in range(99):
        # One more choice adds a factor of three, and two more samples for each that ends in "one, two".
        plain, last_is_one = 3 * plain + 2 * last_is_one, plain
    assert Domain([*choices("a", 100), *choices("b", 99)], conditions).size == plain


def test_a_switch_that_comes_after_what_it_switches():
    conditions = {f"b{i}": ((Symbol(f"a{i}") == 1, Symbol("switch") == 1),) for i in range(40)}
    domain = Domain([*choices("a", 40), Categorical("switch", (0, 1)), *choices("b", 40)], conditions)
    assert domain.size == 3**40 + 5**40


def test_a_condition_over_a_sum_of_many():
    total = sum([Symbol(f"a{i}") for i in range(1, 40)], Symbol("a0"))
    domain = Domain([*choices("a", 40, (0, 1)), Categorical("b", (0, 1))], {"b": ((total > 20,),)})
    assert domain.size == 2**40 + sum([math.comb(40, ones) for ones in range(21, 41)])


def test_alternatives_and_a_common_parent():
    parent, other = Symbol("a0"), Symbol("a1")
    conditions = {f"b{i}": ((parent == 0,), (other == 0,)) for i in range(50)}
    assert Domain([*choices("a", 2), *choices("b", 50)], conditions).size == 5 * 3**50 + 4


def test_a_range_and_a_subset_in_control():
    domain = Domain(
        [Numeric("n", 1, 1000, integer=True), Subset("s", 8), Categorical("a", (0, 1)), Categorical("b", (0, 1, 2))],
        {"a": ((Symbol("n") > 900,),), "b": ((Symbol("s") == (0, 1),),)},
    )
    assert domain.size == (900 + 100 * 2) * (255 + 3)


def test_a_continuous_choice_counts_only_where_it_can_be_active():
    rate, count = Numeric("rate", 0, 1), Symbol("count")
    number = Numeric("count", 1, 3, integer=True)
    assert Domain([number, rate], {"rate": ((count > 3,),)}).size == 3
    assert Domain([number, rate], {"rate": ((count > 2,),)}).size == math.inf
    huge = choices("c", 1000)
    assert Domain([*huge, rate]).size == math.inf
    assert Domain([rate, number], {"count": ((Symbol("rate") > 0.5,),)}).size == math.inf
