from __future__ import annotations

import copy
import json
import math
import operator
import pickle
from collections import namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retiarii.domain import (
    Expression,
    Symbol,
    condition,
    contains_expression,
    evaluate_nested,
    expression_from_json,
    maximum,
    minimum,
    resolving,
    symbols_in,
    to_float,
    to_int,
)
from retiarii.errors import ChoiceUsedAsValueError, FormatError, SampleError

WIDTH, RATIO = Symbol("width"), Symbol("ratio")
SAMPLE = {"width": 7, "ratio": 3, "scale": -2.5}
DYADIC = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
    operator.eq,
    operator.ne,
    maximum,
    minimum,
]
MONADIC = [operator.neg, operator.pos, abs, round, math.floor, math.ceil, math.trunc, to_int, to_float]
# How an expression reads when its own text is run as Python.
WORDS = {
    "max": maximum,
    "min": minimum,
    "floor": math.floor,
    "ceil": math.ceil,
    "trunc": math.trunc,
    "int": to_int,
    "float": to_float,
    "condition": condition,
    "round": round,
    "abs": abs,
}


@st.composite
def computed(draw, depth=3):
    """A function of symbols or plain numbers, so that both can go through the same operations."""
    kind = draw(
        st.sampled_from(["symbol", "constant", "monadic", "dyadic", "dyadic", "condition"] if depth else ["symbol"])
    )
    if kind == "symbol":
        label = draw(st.sampled_from(sorted(SAMPLE)))
        return lambda values: values[label]
    if kind == "constant":
        number = draw(st.integers(-5, 5) | st.floats(-5, 5).filter(lambda x: math.copysign(1, x) > 0 or x < 0))
        return lambda values: number
    parts = [draw(computed(depth=depth - 1)) for _ in range({"monadic": 1, "dyadic": 2, "condition": 3}[kind])]
    function = condition if kind == "condition" else draw(st.sampled_from(MONADIC if kind == "monadic" else DYADIC))
    return lambda values: function(*[part(values) for part in parts])


def both(function):
    """The expression and Python's own result; None where Python cannot compute it."""
    try:
        expected = function(SAMPLE)
        expression = function({label: Symbol(label) for label in SAMPLE})
    except (ArithmeticError, ValueError):
        return None
    return (expression, expected) if isinstance(expression, Expression) else None


@given(computed())
def test_evaluates_to_what_python_computes(function):
    pair = both(function)
    if pair is not None:
        expression, expected = pair
        assert expression.evaluate(SAMPLE) == expected
        assert type(expression.evaluate(SAMPLE)) is type(expected)


@given(computed())
def test_json_round_trip(function):
    pair = both(function)
    if pair is not None:
        data = json.loads(json.dumps(pair[0].to_json()))
        again = expression_from_json(data)
        assert again.to_json() == data
        assert again.evaluate(SAMPLE) == pair[1]
        assert repr(again) == repr(pair[0])


@given(computed())
def test_text_is_the_python_that_builds_the_expression(function):
    pair = both(function)
    if pair is not None:
        symbols = {label: Symbol(label) for label in SAMPLE}
        built = eval(repr(pair[0]), {"__builtins__": {}}, {**WORDS, **symbols})  # noqa: S307
        assert built.to_json() == pair[0].to_json()


@pytest.mark.parametrize(
    ("expression", "text", "value"),
    [
        (WIDTH * RATIO, "width * ratio", 21),
        (maximum(WIDTH, 12), "max(width, 12)", 12),
        (minimum([WIDTH, 12, RATIO]), "min(width, 12, ratio)", 3),
        ((WIDTH + 1) * RATIO, "(width + 1) * ratio", 24),
        (WIDTH - (RATIO - 1), "width - (ratio - 1)", 5),
        (2 ** (WIDTH - 1), "2 ** (width - 1)", 64),
        ((-WIDTH) ** 2, "(-width) ** 2", 49),
        (-(WIDTH**2), "-width ** 2", -49),
        (WIDTH**-1, "width ** -1", 1 / 7),
        (10 // WIDTH % 2, "10 // width % 2", 1),
        (round(WIDTH / RATIO, 2), "round(width / ratio, 2)", 2.33),
        ((WIDTH > 3) & ~(RATIO == 3), "(width > 3) & ~(ratio == 3)", False),
        ((WIDTH > 30) | (RATIO >= 3), "(width > 30) | (ratio >= 3)", True),
        (True & (WIDTH > 3), "True & (width > 3)", True),
        (condition(WIDTH < RATIO, "a", "b"), "condition(width < ratio, 'a', 'b')", "b"),
        (condition(WIDTH > RATIO, (WIDTH, 1), None), "condition(width > ratio, (width, 1), None)", (7, 1)),
        (Symbol("cell/op") == "conv", "choice('cell/op') == 'conv'", True),
        (Symbol("net.kernel")[1], "net.kernel[1]", 5),
        (Symbol("net.kernel") == [3, 5], "net.kernel == (3, 5)", True),
        (WIDTH * np.int64(2), "width * 2", 14),
        (np.float64(0.5) * WIDTH, "0.5 * width", 3.5),
    ],
)
def test_text_and_value(expression, text, value):
    sample = {"width": 7, "ratio": 3, "cell/op": "conv", "net.kernel": [3, 5]}
    assert repr(expression) == text
    assert expression.evaluate(sample) == value
    assert expression_from_json(json.loads(json.dumps(expression.to_json()))).evaluate(sample) == value


def test_condition_and_logic_evaluate_only_what_they_need():
    assert condition(WIDTH > 5, WIDTH, Symbol("absent")).evaluate(SAMPLE) == 7
    assert ((WIDTH > 50) & (Symbol("absent") > 1)).evaluate(SAMPLE) is False
    assert ((WIDTH > 5) | (Symbol("absent") > 1)).evaluate(SAMPLE) is True


def test_functions_of_plain_values_are_computed_at_once():
    assert (maximum(1, 2), minimum([1, 2]), to_int(2.5), to_float(2)) == (2, 1, 2, 2.0)
    assert condition(False, 1, 2) == 2


def test_labels_are_distinct_and_in_order_of_appearance():
    expression = (RATIO + WIDTH) * Symbol("ratio")
    assert expression.labels == ("ratio", "width")
    assert [symbol.label for symbol in expression.symbols] == ["ratio", "width", "ratio"]


def test_a_label_is_read_late():
    symbol = Symbol("before")
    doubled = symbol * 2
    symbol.label = "after"
    assert doubled.evaluate({"after": 4}) == 8
    assert doubled.labels == ("after",)
    assert doubled.to_json()["arguments"][0] == {"choice": "after"}


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda expression: pickle.loads(pickle.dumps(expression))])  # noqa: S301
def test_copies_and_pickles(clone):
    expression = condition(WIDTH > 3, (WIDTH * RATIO, 1), 2)
    assert clone(expression).to_json() == expression.to_json()


def test_immutable_and_hashed_by_identity():
    expression = WIDTH * 2
    with pytest.raises(AttributeError):
        expression.operator = "add"
    assert {expression: 1, WIDTH * 2: 2}[expression] == 1


def test_missing_label_is_named_with_what_there_is():
    with pytest.raises(SampleError, match=r"no value for 'ratio'; the sample has \['width'\]"):
        (WIDTH * RATIO).evaluate({"width": 3})


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (WIDTH / (RATIO - 3), r"cannot compute width / \(ratio - 3\) with width = 7, ratio = 3: division by zero"),
        (WIDTH + "a", r"cannot compute width \+ 'a' with width = 7: unsupported operand"),
        (Symbol("pair")[2], r"cannot compute pair\[2\] with pair = \(1, 2\): tuple index out of range"),
        (to_int(Symbol("word")), r"cannot compute int\(word\) with word = 'x': invalid literal"),
        ((-WIDTH) ** 0.5, r"\(-width\) \*\* 0\.5 is .* with width = 7, a complex number"),
    ],
)
def test_what_cannot_be_computed_is_named_with_the_values(expression, message):
    with pytest.raises(SampleError, match=message):
        expression.evaluate({**SAMPLE, "pair": (1, 2), "word": "x"})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (3, "an expression is a JSON object, not 3"),
        ({"choice": 3}, "has the key 'choice' .* not {'choice': 3}"),
        ({"operator": "add"}, "'operator' and 'arguments', not {'operator': 'add'}"),
        ({"operator": "system", "arguments": [1]}, "unknown operator 'system' in an expression; known are add, sub"),
        ({"operator": ["add"], "arguments": [1]}, r"unknown operator \['add'\]"),
        ({"operator": "add", "arguments": [1]}, r"'add' takes 2 arguments in a list, not \[1\]"),
        ({"operator": "round", "arguments": []}, r"'round' takes 1 to 2 arguments in a list, not \[\]"),
        ({"operator": "max", "arguments": "ab"}, "'max' takes 1 or more arguments in a list, not 'ab'"),
        ({"operator": "neg", "arguments": [[{"choice": "a"}]]}, "cannot be an argument"),
    ],
)
def test_malformed_json_is_refused(data, message):
    with pytest.raises(FormatError, match=message):
        expression_from_json(data)


@pytest.mark.parametrize("use", [bool, int, float, operator.index, len, iter, list, lambda value: 3 in value])
def test_use_as_a_plain_value_is_refused_with_advice(use):
    message = r"the value of 'width' and 'ratio' is not decided yet, so width \+ ratio .* ValueChoice\.condition"
    with pytest.raises(ChoiceUsedAsValueError, match=message):
        use(WIDTH + RATIO)
    with pytest.raises(TypeError):
        use(WIDTH + RATIO)


def test_a_resolver_decides_plain_values_within_its_block():
    with resolving(lambda expression: expression.evaluate({"width": 3, "ratio": (4, 5)})):
        assert (int(WIDTH), float(WIDTH), list(range(WIDTH)), bool(WIDTH > 3)) == (3, 3.0, [0, 1, 2], False)
        assert (len(RATIO), list(RATIO), 4 in RATIO) == (2, [4, 5], True)
        with resolving(lambda expression: 9):
            assert int(WIDTH) == 9
        assert int(WIDTH) == 3
        assert isinstance(WIDTH + 1, Expression)
    with pytest.raises(ChoiceUsedAsValueError):
        int(WIDTH)


class Recorder:
    records_operations = True

    def __rmul__(self, other):
        return "recorded"


def test_a_foreign_operand_needs_a_resolver():
    array = np.arange(3)
    with pytest.raises(TypeError):
        WIDTH * array
    with pytest.raises(TypeError):
        array * WIDTH
    with pytest.raises(TypeError, match="holds choices, numbers, strings and lists of these, not ndarray"):
        condition(WIDTH > 3, array, 0)
    with resolving(lambda expression: expression.evaluate(SAMPLE)):
        assert (array - WIDTH).tolist() == [-7, -6, -5]
        assert (WIDTH - array).tolist() == [7, 6, 5]
        assert condition(WIDTH > 3, array, 0) is array


def test_a_recording_operand_does_the_operation_itself():
    with resolving(lambda expression: 7):
        assert WIDTH * Recorder() == "recorded"


def test_nests():
    pair = namedtuple("pair", "left right")
    nest = {"a": [WIDTH, (RATIO * 2, "x")], "b": pair(WIDTH, 1)}
    assert evaluate_nested(nest, SAMPLE) == {"a": [7, (6, "x")], "b": pair(7, 1)}
    assert type(evaluate_nested(nest, SAMPLE)["b"]) is pair
    assert [symbol.label for symbol in symbols_in(nest)] == ["width", "ratio"]
    assert contains_expression(nest)
    assert not contains_expression({"a": [1, (2, "x")]})
