"""The average cost of samples, as a function of probabilities that gradients go through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from retiarii.domain.value import frozen, identity
from retiarii.errors import ExperimentError
from retiarii.profiler import Expectation
from retiarii.strategies.one_shot.ways import Ways


class Average:
    """The average of a cost over samples whose labels are decided independently, in a few operations.

    Args:
        expectation: of the cost.
        name: of the cost.
    """

    def __init__(self, expectation: Expectation, name: str) -> None:
        self._expectation = expectation
        self._name = name
        self._values: list[tuple[Any, ...]] = []
        self._places = torch.empty(0, dtype=torch.int64)
        self._steps = _Steps(expectation, torch.device("cpu"))

    def __call__(self, distribution: Mapping[str, Ways]) -> Tensor:
        """The average, in float64.

        Args:
            distribution: for each label, at least where the cost depends on it, values with their probabilities; the
                values that are left out have the probability 0.

        Raises:
            ExperimentError: it lacks a label, or has values that are none of the label's.
        """
        ways = [self._ways(distribution, label) for label in self._expectation.values]
        weights = [each.weights for each in ways if each.weights is not None]
        device = weights[0].device if weights else torch.device("cpu")
        if self._steps.device != device:
            self._steps = _Steps(self._expectation, device)
        certain = torch.ones(1, device=device)
        given = [certain if each.weights is None else each.weights for each in ways]
        places = self._placed([each.values for each in ways], device)
        likely = self._steps.nothing.index_add(0, places, torch.cat([*given, certain[1:]]).double())
        return self._steps.average(likely)

    def _ways(self, distribution: Mapping[str, Ways], label: str) -> Ways:
        if label not in distribution:
            raise ExperimentError(
                f"the average of {self._name} depends on the choice {label!r}, for which there are no probabilities"
            )
        return distribution[label]

    def _placed(self, values: list[tuple[Any, ...]], device: torch.device) -> Tensor:
        """Where the probabilities of values belong; the values are mostly the very ones of the last time."""
        if len(values) != len(self._values) or any(map(_differ, values, self._values)):
            self._places, self._values = torch.tensor(self._numbers(values), dtype=torch.int64), values
        self._places = self._places.to(device)
        return self._places

    def _numbers(self, given: list[tuple[Any, ...]]) -> list[int]:
        found: list[int] = []
        begin = 0
        for (label, known), values in zip(self._expectation.values.items(), given, strict=True):
            places = {identity(value): begin + place for place, value in enumerate(known)}
            for value in values:
                key = identity(frozen(value))
                if key not in places:
                    raise ExperimentError(f"{label!r} = {value!r} has a probability, and is none of its values")
                found.append(places[key])
            begin += len(known)
        return found


class _Steps:
    """An expectation as tensors on a device.

    Attributes:
        device: where they are.
        nothing: as many zeros as there are probabilities, and one.
    """

    def __init__(self, expectation: Expectation, device: torch.device) -> None:
        self.device = device
        count = sum([len(values) for values in expectation.values.values()])
        self.nothing = torch.zeros(count + 1, dtype=torch.float64, device=device)
        self._leaves = torch.from_numpy(expectation.leaves).to(device)
        self._ends = torch.from_numpy(expectation.ends).to(device)
        self._counts = torch.from_numpy(expectation.counts).to(device)
        self._layers: list[tuple[Tensor, Tensor, tuple[int, ...]]] = []
        for layer in expectation.layers:
            probabilities = torch.from_numpy(layer.probabilities.ravel()).to(device)
            numbers = torch.from_numpy(layer.numbers.ravel()).to(device)
            self._layers.append((probabilities, numbers, layer.numbers.shape))

    def average(self, likely: Tensor) -> Tensor:
        """The average for the probabilities of all values of all labels, and a 0."""
        known = self._leaves
        for probabilities, numbers, shape in self._layers:
            products = likely.index_select(0, probabilities) * known.index_select(0, numbers)
            known = torch.cat([known, products.view(shape).sum(1)])
        return known.index_select(0, self._ends) @ self._counts


def _differ(one: object, other: object) -> bool:
    return one is not other
