"""Whether arguments fit a class or a function, and how it is called with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict, Unpack

import pytest

from retiarii.cli.config.calls import Callee
from retiarii.strategies import Chain, GiveUp, Random


class Options(TypedDict, total=False):
    depth: int


def many(first: Any, /, second: int = 2, *rest: str, key: Literal["a", "b"] = "a", **options: Unpack[Options]) -> Any:
    return first, second, rest, key, options


def typed(
    number: float = 0.0,
    flag: bool = False,
    maybe: int | None = None,
    sizes: Sequence[int] = (),
    names: Mapping[str, int] | None = None,
    other: Any = None,
) -> None: ...


def anything(function: Any, /, **arguments: Any) -> Any:
    return function, arguments


def of_space(space: Any, scale: float) -> Any:
    return space, scale


class Counted(type):
    """Hides what the constructors of its classes take, as that of model spaces does."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(*args, **kwargs)


class Hidden(metaclass=Counted):
    def __init__(self, space: Any, width: int) -> None:
        self.made_of = space, width

    def __eq__(self, other: object) -> bool:
        return self.made_of == other

    __hash__ = None


def undocumented(value: Missing) -> Any:  # type: ignore[name-defined]  # noqa: F821
    return value


@pytest.mark.parametrize(
    ("target", "arguments", "made"),
    [
        (many, {"first": 1}, (1, 2, (), "a", {})),
        (many, {"first": 1, "rest": ["x", "y"]}, (1, 2, ("x", "y"), "a", {})),
        (many, {"second": 3, "first": 1, "key": "b", "depth": 4}, (1, 3, (), "b", {"depth": 4})),
        (anything, {"function": 1, "steps": 2}, (1, {"steps": 2})),
        (of_space, {"scale": 2.0}, ("the space", 2.0)),
        (of_space, {"scale": 2.0, "space": "mine"}, ("mine", 2.0)),
        (undocumented, {"value": 3}, 3),
        (Hidden, {"width": 3}, ("the space", 3)),
        (dict, {"name": 3}, {"name": 3}),
    ],
)
def test_calls(target, arguments, made):
    callee = Callee(target)
    assert callee.problems("it", arguments) == []
    assert callee.call(arguments, "the space") == made


def test_variable_arguments_of_the_library():
    chain = Callee(Chain).call({"strategy": Random(), "middleware": [GiveUp(3)]}, None)
    assert [type(layer) for layer in chain.middleware] == [GiveUp]


@pytest.mark.parametrize(
    ("target", "arguments", "problems"),
    [
        (many, {}, ["it needs the argument first"]),
        (many, {"first": 1, "secnd": 2}, ["unknown; did you mean second?"]),
        (many, {"first": 1, "dept": 2}, ["unknown; did you mean depth?"]),
        (many, {"first": 1, "depth": "x"}, ["is 'x'; give an integer"]),
        (many, {"first": 1, "rest": "x"}, ["is 'x'; give a list"]),
        (many, {"first": 1, "key": "c"}, ["is 'c'; give 'a' or 'b'"]),
        (typed, {"number": "1"}, ["is '1'; give a number"]),
        (typed, {"number": 1, "other": object}, []),
        (typed, {"number": True}, ["is True; give a number"]),
        (typed, {"flag": "no"}, ["is 'no'; give true or false"]),
        (typed, {"maybe": 1.5}, ["is 1.5; give an integer or null"]),
        (typed, {"maybe": None}, []),
        (typed, {"sizes": 3}, ["is 3; give a list of integers"]),
        (typed, {"sizes": ["a"]}, ["is ['a']; give a list of integers"]),
        (typed, {"sizes": [object]}, []),
        (of_space, {"scale": 1.0, "foo": 1}, ["it has no argument foo; it takes scale, space"]),
        (lambda: None, {"foo": 1}, ["it has no argument foo; it takes none"]),
        (typed, {"names": [1]}, ["is [1]; give a mapping or null"]),
        (of_space, {}, ["it needs the argument scale"]),
        (Hidden, {"wdth": 3}, ["unknown; did you mean width?", "it needs the argument width"]),
    ],
)
def test_what_does_not_fit_is_said(target, arguments, problems):
    assert [problem.text for problem in Callee(target).problems("it", arguments)] == problems
