"""What an evaluator may return and report."""

from __future__ import annotations

import decimal
import fractions
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from retiarii import MetricError
from retiarii.metrics import check_metrics, reported_metrics

ONE = {"accuracy": "maximize"}
TWO = {"accuracy": "maximize", "latency": "minimize"}
DEFAULT = {"default": "maximize"}


@pytest.mark.parametrize(
    "value",
    [
        1,
        0.5,
        -3.0,
        fractions.Fraction(1, 4),
        np.float32(0.5),
        np.int64(7),
        np.array(0.25),
        torch.tensor(0.5),
        torch.tensor(3),
        torch.tensor(0.5, dtype=torch.bfloat16),
    ],
)
def test_numbers_of_all_kinds_are_accepted(value):
    metrics = check_metrics(value, ONE)
    assert metrics == {"accuracy": float(value)}
    assert type(metrics["accuracy"]) is float


def test_a_metric_with_a_gradient_is_accepted():
    assert check_metrics(torch.tensor(0.5, requires_grad=True), ONE) == {"accuracy": 0.5}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "metric 'accuracy' is None; expected a finite number"),
        ("1.5", r"is '1\.5' \(str\)"),
        (b"1", r"is b'1' \(bytes\)"),
        (True, r"is True \(bool\)"),
        (np.True_, r"\(numpy\.bool"),
        (torch.tensor(True), r"tensor\(True\) \(torch\.Tensor\)"),
        (float("nan"), r"is nan \(float\)"),
        (float("inf"), r"is inf \(float\)"),
        (np.float64("-inf"), r"is -inf \(numpy\.float64\)"),
        (torch.tensor(float("nan")), r"is nan \(torch\.Tensor\)"),
        (1 + 2j, r"\(complex\)"),
        (np.complex64(1), r"\(numpy\.complex64\)"),
        (torch.tensor([0.5, 0.25]), r"\(torch\.Tensor of shape \(2,\)\)"),
        (torch.tensor([0.5]), r"of shape \(1,\)"),
        (np.zeros((2, 3)), r"\(numpy\.ndarray of shape \(2, 3\)\)"),
        ([0.5], r"is \[0\.5\] \(list\)"),
        ((0.5, 1), r"\(tuple\)"),
        ({0.5}, r"\(set\)"),
        (decimal.Decimal("0.5"), r"\(decimal\.Decimal\)"),
        (np.datetime64("2020-01-01"), r"\(numpy\.datetime64\)"),
        (np.str_("0.5"), r"\(numpy\.str_\)"),
        (10**400, "expected a number that a float can hold"),
        (object(), r"\(object\)"),
        (lambda: 1, r"\(function\)"),
        (float, r"\(type\)"),
        (iter([1]), r"\(list_iterator\)"),
    ],
)
def test_what_is_no_finite_number_is_refused_with_what_came(value, said):
    with pytest.raises(MetricError, match=said):
        check_metrics(value, ONE)
    with pytest.raises(MetricError, match=said):
        check_metrics({"accuracy": value}, ONE)
    with pytest.raises(MetricError, match="metric 'aside'"):
        check_metrics({"accuracy": 1.0, "aside": value}, ONE)


@given(st.one_of(st.floats(), st.integers(), st.text(), st.none(), st.booleans(), st.binary(), st.complex_numbers()))
def test_no_value_gets_past_as_something_else_than_a_json_number(value):
    try:
        metrics = check_metrics(value, ONE)
    except MetricError:
        return
    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics


def test_objectives_come_first_in_their_order():
    metrics = check_metrics({"loss": 3, "latency": 2, "accuracy": 1}, TWO)
    assert list(metrics) == ["accuracy", "latency", "loss"]


def test_a_missing_objective_is_named_with_what_came():
    with pytest.raises(MetricError, match="the objective 'latency' is missing; the evaluator returned 'accuracy'"):
        check_metrics({"accuracy": 1.0}, TWO)
    with pytest.raises(MetricError, match="returned 'accuracy', and the costs are 'macs'"):
        check_metrics({"accuracy": 1.0}, {"accuracy": "maximize", "mac": "minimize"}, ["macs"])
    with pytest.raises(MetricError, match="the objective 'accuracy' is missing; the evaluator returned none"):
        check_metrics({}, ONE)


def test_a_missing_objective_may_be_a_cost():
    for returned in (0.5, {"accuracy": 1.0}):
        with pytest.raises(MetricError, match=r"known without training is given as a cost, .*costs=\[Flops\(space\)\]"):
            check_metrics(returned, TWO)
        with pytest.raises(MetricError, match=r", and the costs are 'flops'$"):
            check_metrics(returned, {"accuracy": "maximize", "FLOPs": "minimize"}, ["flops"])
    with pytest.raises(MetricError, match=r"'default' is missing; the evaluator returned none$"):
        check_metrics({}, DEFAULT)


def test_a_number_for_two_objectives_is_refused():
    with pytest.raises(MetricError, match=r"returned 0\.5 \(float\); expected a mapping with .*'accuracy', 'latency'"):
        check_metrics(0.5, TWO)


def test_names_are_text():
    with pytest.raises(MetricError, match=r"the name 1 \(int\) is no text"):
        check_metrics({1: 0.5, "accuracy": 1.0}, ONE)


def test_a_single_metric_is_the_default_objective():
    assert check_metrics({"acc": 0.5}, DEFAULT) == {"default": 0.5, "acc": 0.5}
    assert check_metrics({"default": 0.5, "acc": 0.25}, DEFAULT) == {"default": 0.5, "acc": 0.25}


def test_several_metrics_without_an_objective_are_ambiguous():
    said = r"returned the metrics 'acc', 'loss'.*give Experiment\(objectives=\{'acc': 'maximize'\}\), or return"
    with pytest.raises(MetricError, match=said):
        check_metrics({"acc": 0.5, "loss": 1.0}, DEFAULT)


@pytest.mark.parametrize(
    ("report", "objectives", "metrics"),
    [
        (0.5, ONE, {"accuracy": 0.5}),
        (0.5, TWO, {}),
        ({"loss": 2.0, "accuracy": 0.5}, ONE, {"accuracy": 0.5, "loss": 2.0}),
        ({"accuracy": 0.5}, TWO, {}),
        ({"latency": 3.0, "accuracy": 0.5}, TWO, {"accuracy": 0.5, "latency": 3.0}),
        ({"acc": 0.5}, DEFAULT, {"default": 0.5, "acc": 0.5}),
        ({"acc": 0.5, "loss": 2.0}, DEFAULT, {}),
    ],
)
def test_a_report_gives_all_objectives_or_nothing(report, objectives, metrics):
    found = reported_metrics(report, objectives)
    assert [*found.items()] == [*metrics.items()]
