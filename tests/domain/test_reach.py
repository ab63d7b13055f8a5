"""The values that expressions can have, against all joint values."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from retiarii.domain.expression import Call, Expression, Symbol, lift
from retiarii.domain.functions import condition, maximum
from retiarii.domain.reach import reachable
from retiarii.errors import SampleError

NAMES = ("a", "b", "c", "d")
OPTIONS = {name: list(range(first, first + 3)) for first, name in enumerate(NAMES)}


def all_values(expression, options):
    found = set()
    labels = expression.labels
    for values in itertools.product(*[options[label] for label in labels]):
        try:
            found.add(expression.evaluate(dict(zip(labels, values, strict=True))))
        except SampleError:
            continue
    return found


def arithmetic():
    """Expressions in which choices come once, or several times."""

    def joined(inner):
        return st.tuples(st.sampled_from(["add", "mul", "floordiv", "max"]), inner, inner).map(called)

    return st.recursive(st.sampled_from(NAMES).map(Symbol) | st.integers(-2, 3), joined, max_leaves=8)


def called(parts):
    operator, *arguments = parts
    return Call(operator, tuple(arguments)) if any(isinstance(each, Expression) for each in arguments) else arguments[0]


@given(arithmetic(), st.sampled_from([3, 9, 27, 1000]))
def test_they_are_all_values_or_it_says_that_there_are_too_many(expression, most):
    found = reachable(expression, OPTIONS, most)
    if not isinstance(expression, Expression):
        assert found == [expression]
    elif found is not None:
        assert set(found) == all_values(expression, OPTIONS)
        assert len(found) == len(set(found))
    else:
        assert most < 3 ** len(expression.labels)


def test_parts_with_choices_of_their_own_are_found_by_themselves():
    choices = [Symbol(f"x{place}") for place in range(12)]
    options = {choice.label: [0, 1, 2] for choice in choices}
    sums = [choices[place] + choices[place + 1] * 3 for place in range(0, 12, 2)]
    assert reachable(maximum(*sums), options, 10_000) is None
    halves = lift((maximum(*sums[:3]), maximum(*sums[3:]) * 2))
    found = reachable(halves, options, 1000)
    assert set(found) == set(itertools.product(range(9), range(0, 17, 2)))
    whole = maximum(*sums[:3])
    assert set(reachable(lift((whole, whole // 2)), options, 729)) == {(size, size // 2) for size in range(9)}


@given(st.lists(st.sets(st.integers(0, 4), min_size=1, max_size=3), min_size=1, max_size=4), st.integers(0, 2))
def test_what_is_left_of_the_nodes_of_a_cell(sets, low):
    taken = [Symbol(f"input{place}") for place in range(len(sets))]
    options = {symbol.label: [(value,) for value in values] for symbol, values in zip(taken, sets, strict=True)}
    expression = Call("len", (Call("unused", (low, 5, *taken)),)) * 8
    assert set(reachable(expression, options, 32)) == all_values(expression, options)


def test_the_channels_of_the_vertices_of_a_cell():
    vertices = Symbol("vertices")
    inputs = [condition(vertices > place, Symbol(f"input{place}"), ()) for place in range(1, 5)]
    options = {f"input{place}": _subsets(place) for place in range(1, 5)} | {"vertices": [2, 3, 4, 5]}
    channels = Call("vertex_channels", (8, 10, Call("pruned", (vertices, *inputs))))
    for vertex in range(1, 4):
        layer = lift((channels[vertex], channels[vertex] // 2))
        exact = all_values(layer, options)
        found = set(reachable(layer, options, 100))
        assert exact <= found
        assert max(exact) == max(found) == (10, 5)
    assert reachable(channels[0], options, 100) == [8]


def _subsets(count):
    return [chosen for size in range(count + 1) for chosen in itertools.combinations(range(count), size)]
