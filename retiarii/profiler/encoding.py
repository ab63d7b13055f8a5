"""Batches of samples as columns: which of its values each label has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from retiarii.domain import Domain, Expression, Value
from retiarii.profiler.columns import DEAD, NO, ROW, YES, Column, Frame, Ids, both, either
from retiarii.profiler.terms import ABSENT, Terms, Values


class Encoder:
    """Turns samples into columns.

    Args:
        domain: says which labels and values there are, and when they are active.

    Attributes:
        values: the values of each label by number.
        terms: the expressions over them.
        conditions: under which labels are active.
    """

    def __init__(self, domain: Domain) -> None:
        self.values = {label: Values(choice) for label, choice in domain.choices.items()}
        self.terms = Terms(self.values)
        self._domain = domain.unconstrained
        self.conditions = domain.conditions

    def rows(self, samples: Sequence[Mapping[str, Value]]) -> Frame:
        """A frame of one row for each sample; inactive labels are `DEAD` in it.

        Raises:
            SampleError: a sample is none of the domain.
        """
        frame = self._encoded(samples)
        if frame is None:
            frame = self._encoded([self._domain.canonical(sample) for sample in samples])
        if frame is None:
            raise AssertionError("canonical samples are complete")
        return frame

    def _encoded(self, samples: Sequence[Mapping[str, Value]]) -> Frame | None:
        """None where a sample is not as the domain would write it."""
        found = np.zeros(len(samples), np.int64)
        labels: dict[str, Column] = {}
        frame = Frame(labels)
        frame.sizes[ROW] = len(samples)
        for label, values in self.values.items():
            ids = values.encoded([sample.get(label, ABSENT) for sample in samples])
            if ids is None:
                return None
            active = self.is_active(label, frame)
            is_given = ids != DEAD
            if bool(np.any(is_given != active.ids)):
                return None
            found += is_given
            labels[label] = Column((ROW,), ids)
        is_complete = np.array_equal(found, np.fromiter(map(len, samples), np.int64, len(samples)))
        return frame if is_complete else None

    def is_active(self, label: str, frame: Frame) -> Column:
        """Where a choice is active; in the frame, labels that this depends on are `DEAD` where they are inactive."""
        if label not in self.conditions:
            return YES
        active = NO
        for alternative in self.conditions[label]:
            holds = YES
            for expression in alternative:
                holds = both(frame, holds, self._holds(expression, frame))
            active = either(frame, active, holds)
        return active

    def _holds(self, expression: Expression, frame: Frame) -> Column:
        """Where an expression is true; it is false where a label in it is inactive."""
        term = self.terms.term(expression)
        holds = term.where(frame, bool)
        for label in term.labels:
            holds = both(frame, holds, _is_decided(frame, label))
        return holds


def _is_decided(frame: Frame, label: str) -> Column:
    """Where a label is active."""
    name = "is decided", label
    if name not in frame.known:
        column = frame.labels[label]
        frame.known[name] = frame.settled(Column(column.axes, column.ids != DEAD))
    return frame.known[name]


def sample_at(frame: Frame, values: Mapping[str, Values], row: int) -> dict[str, Any]:
    """The sample of a row."""
    numbers: dict[str, Ids] = {label: frame.labels[label].ids for label in values}
    return {label: values[label].all[ids[row]] for label, ids in numbers.items() if ids[row] != DEAD}
