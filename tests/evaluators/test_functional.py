"""An evaluator made of a function."""

from __future__ import annotations

import pytest

from retiarii import ExperimentError, nn
from retiarii.evaluators import FunctionalEvaluator


def scaled(model, factor, offset=0.0):
    return factor * model + offset


def test_the_function_gets_the_model_and_the_arguments():
    assert FunctionalEvaluator(scaled, factor=3).evaluate(2) == 6
    assert FunctionalEvaluator(scaled, factor=3, offset=1).evaluate(2) == 7


def test_it_takes_the_module_unless_told_otherwise():
    assert FunctionalEvaluator(scaled).argument == "module"
    assert FunctionalEvaluator(scaled, argument="sample").argument == "sample"
    assert FunctionalEvaluator(scaled).objectives == {"default": "maximize"}


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
        FunctionalEvaluator(scaled, argument="model")


def test_shows_what_it_calls():
    assert repr(FunctionalEvaluator(scaled, argument="sample")) == "FunctionalEvaluator(scaled, argument='sample')"


def test_its_arguments_may_be_decided_later():
    evaluator = FunctionalEvaluator(scaled, factor=3, offset=1)
    changed = evaluator.decided({"factor": 5})
    assert evaluator.searchable() == {"factor": 3, "offset": 1}
    assert changed.searchable() == {"factor": 5, "offset": 1}
    assert (evaluator.evaluate(2), changed.evaluate(2)) == (7, 11)
