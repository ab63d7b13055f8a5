"""Evaluations that the tests of engines run: functions of samples such as `{"width": 3, "kernel": 3}`."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from retiarii.domain import Sample
from retiarii.evaluator import TrialStopped, current_reporting, report_intermediate

ERRORS: Sequence[type[Exception]] = (ValueError, MemoryError, RecursionError, StopIteration, UnicodeError, ImportError)
"""Those that `raising` raises, by width."""


def width(sample: Sample) -> Any:
    return sample["width"]


def negative(sample: Sample) -> Any:
    return -width(sample)


def reporting(sample: Sample) -> Any:
    for report in (0, {"loss": 1}, 2.0):
        report_intermediate(report)
    return sample["width"]


def is_given(model: Any, expected: str) -> float:
    given = {"width": 0, "kernel": 3} if expected == "sample" else (expected, 0)
    if model != given:
        raise AssertionError(f"{model} is not {given}")
    return 1.0


def rate_of(sample: Sample, rate: float) -> float:
    return rate


def drawing(sample: Sample) -> dict[str, float]:
    return {"score": random.random(), "numpy": np.random.rand()}  # noqa: S311


def emptying(sample: Sample) -> float:
    sample.clear()
    return 1.0


def raising(sample: Sample) -> float:
    if sample["width"] < len(ERRORS):  # type: ignore[operator]
        raise ERRORS[sample["width"]]("no luck")  # type: ignore[index]
    return 1.0


def strange(sample: Sample) -> Any:
    return [1.0, None, "high", float("nan"), {"other": 1.0}, object()][sample["width"]]  # type: ignore[index]


def keeping(sample: Sample) -> float:
    reporting = current_reporting()
    if reporting is None or reporting.folder is None:
        raise AssertionError("the evaluation has no folder")
    reporting.folder.mkdir(parents=True)
    notes = reporting.folder / "notes.txt"
    notes.write_text("kept", encoding="utf-8")
    reporting.files["notes"] = str(notes)
    return 1.0


def endless(sample: Sample) -> float:
    while True:
        report_intermediate(1.0)
        time.sleep(0.01)


def hopeless(sample: Sample) -> float:
    raise TrialStopped
