"""An evaluator made of a function."""

from __future__ import annotations

import functools

import pytest

from retiarii import ExperimentError, nn
from retiarii.evaluators import FunctionalEvaluator


def scaled(model, factor, offset=0.0):
    return factor * model + offset


class Scorer:
    def __call__(self, model, steps=1):
        return model * steps


def open_ended(model, **options):
    return len(options)


@functools.wraps(scaled)
def given_the_factor(model, **options):
    return scaled(model, 3, **options)


def test_the_function_gets_the_model_and_the_arguments():
    assert FunctionalEvaluator(scaled, factor=3).evaluate(2) == 6
    assert FunctionalEvaluator(scaled, factor=3, offset=1).evaluate(2) == 7


def test_it_takes_the_module_unless_told_otherwise():
    assert FunctionalEvaluator(scaled, factor=3).argument == "module"
    assert FunctionalEvaluator(scaled, argument="sample", factor=3).argument == "sample"
    assert FunctionalEvaluator(scaled, factor=3).objectives == {"default": "maximize"}


def test_a_choice_needs_an_experiment():
    evaluator = FunctionalEvaluator(scaled, factor=nn.ValueChoice([3, 4]))
    with pytest.raises(
        ExperimentError, match=r"'factor' is left open, .* as in evaluator\.decided\(\{'factor': \.\.\.\}\)"
    ):
        evaluator.evaluate(2)
    assert evaluator.decided({"factor": 3}).evaluate(2) == 6


def test_what_cannot_be_called_is_refused():
    with pytest.raises(ExperimentError, match=r"takes a function of a model, and got 0\.5"):
        FunctionalEvaluator(0.5)


def test_an_unknown_argument_is_refused_with_those_that_exist():
    with pytest.raises(ExperimentError, match="argument is 'model'; expected one of 'module', 'graph', 'sample'"):
        FunctionalEvaluator(scaled, argument="model", factor=3)


def test_shows_what_it_calls():
    evaluator = FunctionalEvaluator(scaled, argument="sample", factor=3)
    assert repr(evaluator) == "FunctionalEvaluator(scaled, argument='sample')"


def test_its_arguments_may_be_decided_later():
    evaluator = FunctionalEvaluator(scaled, factor=3, offset=1)
    changed = evaluator.decided({"factor": 5})
    assert evaluator.searchable() == {"factor": 3, "offset": 1}
    assert changed.searchable() == {"factor": 5, "offset": 1}
    assert (evaluator.evaluate(2), changed.evaluate(2)) == (7, 11)


@pytest.mark.parametrize(
    ("function", "arguments", "said"),
    [
        (scaled, {"factor": 3, "ofset": 1}, "scaled takes no argument 'ofset'; did you mean 'offset'?"),
        (scaled, {"facto": nn.ValueChoice([3, 4])}, "scaled takes no argument 'facto'; did you mean 'factor'?"),
        (scaled, {"x": 1}, "scaled takes no argument 'x'; beside the model it takes 'factor', 'offset'"),
        (scaled, {}, "scaled can't be called with a model: missing a required argument: 'factor'"),
        (scaled, {"offset": 1}, "with a model and 'offset': missing a required argument: 'factor'"),
        (scaled, {"factor": 3, "model": 2}, "multiple values for argument 'model'"),
        (lambda: 1, {}, "can't be called with a model: too many positional arguments"),
        (lambda model: 1, {"x": 1}, "takes no argument 'x'; beside the model it takes nothing"),
        (Scorer(), {"step": 2}, "takes no argument 'step'; did you mean 'steps'?"),
        (functools.partial(scaled, factor=3), {"ofset": 1}, "did you mean 'offset'?"),
    ],
)
def test_what_the_function_cannot_take_is_refused_before_it_is_called(function, arguments, said):
    with pytest.raises(ExperimentError) as error:
        FunctionalEvaluator(function, **arguments)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (open_ended, {"x": 1}),
        (functools.partial(scaled, factor=3), {}),
        (Scorer(), {"steps": 2}),
        (given_the_factor, {}),
        (max, {"key": None}),
        (functools.lru_cache(scaled), {"factor": 3}),
    ],
)
def test_what_can_be_called_so_is_taken_and_what_is_not_known(function, arguments):
    assert FunctionalEvaluator(function, **arguments).arguments == arguments
