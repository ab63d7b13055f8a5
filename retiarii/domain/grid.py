"""A walk through all samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from retiarii.domain.activity import Condition
from retiarii.domain.choice import Choice
from retiarii.domain.value import Sample, Value


def walk(steps: Sequence[tuple[Choice, Condition | None]]) -> Iterator[Sample]:
    """All samples of `steps`, lazily, each once; the last label changes fastest."""
    sample: Sample = {}
    trail: list[tuple[int, Iterator[Value]]] = []
    start = 0
    while True:
        for position in range(start, len(steps)):
            choice, condition = steps[position]
            if condition is None or condition.verdict(sample):
                values = choice.values()
                sample[choice.label] = next(values)
                trail.append((position, values))
        yield dict(sample)
        while trail:
            position, values = trail[-1]
            label = steps[position][0].label
            try:
                sample[label] = next(values)
            except StopIteration:
                del sample[label]
                trail.pop()
            else:
                break
        if not trail:
            return
        start = position + 1
