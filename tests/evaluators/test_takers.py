"""Which arguments go to whom."""

from __future__ import annotations

from functools import partial

import pytest

from retiarii import ExperimentError
from retiarii.evaluators.takers import Taker, check_arguments

TRAINER = Taker("Trainer", frozenset({"max_epochs", "precision"}))
ARGUMENTS = {"max_epochs": 3, "rate": 0.1}


def strict(model, rate, *, decay=0.0):
    return model, rate, decay


def lenient(model, **rest):
    return model, rest


def test_it_gets_what_it_knows():
    assert Taker.of(strict, given=1).part(ARGUMENTS, [TRAINER]) == {"rate": 0.1}
    assert TRAINER.part(ARGUMENTS) == {"max_epochs": 3}


def test_what_takes_any_gets_what_nobody_else_knows():
    assert Taker.of(lenient, given=1).part(ARGUMENTS, [TRAINER]) == {"rate": 0.1}
    check_arguments({"anything": 1}, [Taker.of(lenient, given=1), TRAINER])


def test_what_two_know_both_get():
    def scheduled(model, max_epochs):
        return model, max_epochs

    assert Taker.of(scheduled, given=1).part(ARGUMENTS, [TRAINER]) == {"max_epochs": 3}


def test_what_is_given_already_is_not_needed():
    check_arguments({}, [Taker.of(partial(strict, rate=0.1), given=1)])
    with pytest.raises(ExperimentError, match="strict needs 'rate', which the evaluator was not given"):
        check_arguments({}, [Taker.of(strict, given=1)])


def test_what_the_evaluator_takes_itself_is_given_in_another_way():
    with pytest.raises(
        ExperimentError, match=r"needs 'metric', .*; 'metric' is the evaluator's own: give .* by functools"
    ):
        check_arguments({}, [Taker.of(lambda model, metric: None, given=1)])


def test_unknown_arguments_are_named_with_the_closest_known_one():
    takers = [Taker.of(strict, given=1), TRAINER]
    with pytest.raises(
        ExperimentError, match=r"'rates' is no argument of strict or Trainer; did you mean 'rate' \(strict\)"
    ):
        check_arguments({"rates": 1}, takers)
    with pytest.raises(
        ExperimentError, match=r"'model' is no argument of strict or Trainer; strict takes 'decay', 'rate'$"
    ):
        check_arguments({"rate": 1, "model": 1}, takers)


def test_the_model_needs_a_place():
    with pytest.raises(ExperimentError, match="takes no argument for the model"):
        Taker.of(lambda: None, given=1)
    assert Taker.of(lambda *things, rate: things, given=1).known == {"rate"}
