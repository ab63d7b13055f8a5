"""How evaluations report, and are stopped."""

from __future__ import annotations

import contextvars
import threading

import numpy as np
import pytest
import torch

from retiarii import ExperimentError, MetricError, TrialStopped, report_intermediate
from retiarii.evaluator import Reporting


def test_reports_are_received_in_order_as_plain_numbers():
    received = []
    with Reporting(received.append):
        report_intermediate(torch.tensor(0.5))
        report_intermediate({"loss": np.float32(2), "accuracy": 1})
    assert received == [0.5, {"loss": 2.0, "accuracy": 1.0}]


def test_a_bad_report_says_which_one_it_was():
    with Reporting(lambda value: None):
        report_intermediate(1.0)
        with pytest.raises(MetricError, match=r"intermediate report 2 is nan"):
            report_intermediate(float("nan"))
        with pytest.raises(MetricError, match=r"intermediate report 3 'loss' is 'low' \(str\)"):
            report_intermediate({"loss": "low"})


def test_a_report_outside_an_evaluation_is_an_error():
    with Reporting(lambda value: None):
        pass
    with pytest.raises(ExperimentError, match=r"report_intermediate\(0\.5\) was called outside an evaluation"):
        report_intermediate(0.5)


def test_a_report_after_the_end_of_the_evaluation_is_an_error():
    received = []
    with Reporting(received.append):
        kept = contextvars.copy_context()
        kept.run(report_intermediate, 1.0)
    with pytest.raises(ExperimentError, match=r"report_intermediate\(5\.0\) was called outside .* before it returns"):
        kept.run(report_intermediate, 5.0)
    assert received == [1.0]


def test_a_report_from_another_thread_is_an_error():
    errors = []

    def report():
        with pytest.raises(ExperimentError, match="in the thread that runs it") as raised:
            report_intermediate(1.0)
        errors.append(raised.value)

    with Reporting(lambda value: None):
        thread = threading.Thread(target=report)
        thread.start()
        thread.join()
    assert len(errors) == 1


def test_an_evaluation_inside_an_evaluation_reports_to_its_own():
    outer, inner = [], []
    with Reporting(outer.append):
        report_intermediate(1)
        with Reporting(inner.append):
            report_intermediate(2)
        report_intermediate(3)
    assert (outer, inner) == ([1.0, 3.0], [2.0])


def test_a_stop_is_no_exception_and_is_raised_at_every_report_from_then_on():
    received = []

    def receive(report):
        received.append(report)
        raise TrialStopped

    with Reporting(receive) as reporting:
        assert not reporting.is_stopped
        for _ in range(3):
            with pytest.raises(TrialStopped):
                report_intermediate(1.0)
        assert reporting.is_stopped
    assert received == [1.0]
    assert not issubclass(TrialStopped, Exception)


def test_an_error_of_who_receives_is_raised_on_leaving_as_it_is():
    def receive(report):
        raise OSError("full")

    with pytest.raises(OSError, match="full"), Reporting(receive), pytest.raises(TrialStopped):
        report_intermediate(1.0)
