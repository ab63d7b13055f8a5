"""Cost models: what a sample's model takes, from the graph of the space alone."""

from __future__ import annotations

import operator
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, reduce
from typing import Any

import numpy as np

from retiarii.domain import Value
from retiarii.errors import ProfileError
from retiarii.profiler.amount import Amount
from retiarii.profiler.averaging import expectation_of
from retiarii.profiler.bounds import MOST_MODELS, Bounds, Sum, sums
from retiarii.profiler.columns import YES, Column, Frame, Ids, both, constant
from retiarii.profiler.compiled import Compiled
from retiarii.profiler.evaluation import Result
from retiarii.profiler.expectation import Expectation
from retiarii.profiler.guards import masked
from retiarii.profiler.inputs import NO_INPUTS, Given, check_made, is_named
from retiarii.profiler.profile import Profile, Space, profile_of
from retiarii.profiler.walk import Walk


class Cost(Amount):
    """A number that a sample's model costs: a whole number, summed over its parts.

    It is called with a sample, or with a list of samples for an array. It pickles as tables without the space, where
    the space can be tabulated, so that a domain with a limit on it goes to other processes without torch.

    Args:
        space: the model space.
        inputs: what models are called with: a tensor, a shape with the batch such as (1, 3, 224, 224), a sequence of
            these, or a mapping of names to these; by default the space's `example_inputs`, or one element of its
            `input_shape`.

    Raises:
        ProfileError: the space is a class.
    """

    def __init__(self, space: Space, inputs: Given = None) -> None:
        check_made(space)
        self.space = space
        self._inputs = inputs

    @cached_property
    def profile(self) -> Profile:
        """What is known of the space; shared with other costs of it."""
        return profile_of(self.space, self._inputs)

    def all(self, samples: Sequence[Mapping[str, Value]]) -> Ids:
        totals = np.zeros(len(samples), np.int64)
        for walk, frame, rows in self.profile.parts(samples):
            total = np.zeros(len(rows), np.int64)
            for column in self.amounts(walk, frame):
                total += column.ids
            totals[rows] = total
        return totals

    @abstractmethod
    def amounts(self, walk: Walk, frame: Frame) -> Iterator[Column]:
        """Columns of numbers that add up to the cost: 0 for what is no part of a model, `NEVER` for contradictions."""

    def bounds(self) -> Bounds:
        """Between which numbers the costs of all samples are, constraints left aside.

        They are exact where every value depends on few choices, as in chains of stages and in many cells. All ways of
        deciding the choices that a value depends on are tried, so the first time takes longer than `cost(samples)`.

        Raises:
            ProfileError: they can't be found: too many choices decide together, a choice has no end of values, or the
                space has mutators and more than 4,096 samples.
        """
        return self._bounds

    def expectation(self) -> Expectation:
        """What samples cost on average, for any probabilities of the values of labels.

        Raises:
            ProfileError: it can't be found: a choice has no end of values, values of several choices give no model
                together, the cost depends on too many choices in too irregular a way, or the space has mutators.
        """
        return self._expectation

    @cached_property
    def _expectation(self) -> Expectation:
        return expectation_of(self.profile, self.amounts)

    @cached_property
    def _sums(self) -> tuple[Sum, ...]:
        return tuple(sums(self.profile, self.amounts))

    @cached_property
    def _bounds(self) -> Bounds:
        if self.profile.traced({}) is None:
            return self._of_all_models()
        found = [bounds for each in self._sums if (bounds := each.bounds()) is not None]
        return reduce(operator.or_, found)

    def _of_all_models(self) -> Bounds:
        domain = self.space.domain.unconstrained
        if domain.size > MOST_MODELS:
            raise ProfileError(
                f"{type(self.space).__name__} has mutators, so the bounds of a cost are found by trying all its "
                f"samples: {domain.size} are more than {MOST_MODELS}; cost(samples) works all the same"
            )
        costs = self.all(list(domain.grid()))
        return Bounds(int(costs.min()), int(costs.max()))

    def compiled(self) -> Compiled | None:
        """The same without the space and without torch; None where it can't be tabulated."""
        try:
            if self.profile.traced({}) is None or len(self._sums) != 1:
                return None
        except ProfileError:
            return None
        tables, links = self._sums[0].tables, self._sums[0].links
        labels = {label for table in (*tables, *links.values()) for label in table.axes}
        choices = [choice for label, choice in self.space.domain.choices.items() if label in labels]
        return Compiled(self.name, choices, tables, links, self.bounds())

    def __reduce__(self) -> tuple[Any, ...]:
        compiled = self.compiled()
        return compiled.__reduce__() if compiled is not None else (type(self), (self.space, self._inputs))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({type(self.space).__name__})"


class _OfSteps(Cost):
    """A cost that the steps of a forward have."""

    def amounts(self, walk: Walk, frame: Frame) -> Iterator[Column]:
        for visit in walk.visits(frame):
            if any(visit.site.outcomes):
                yield visit.site.amounts(visit.outcomes, self.measure)

    @staticmethod
    @abstractmethod
    def measure(result: Result) -> int:
        """What a call costs."""


class Flops(_OfSteps):
    """The floating-point operations of a forward, as `torch.utils.flop_counter` counts them.

    That is two for each multiply-add of convolutions, matrix products and attention, and nothing for other operators;
    in evaluation mode, with gradients enabled, on the meta device, of the model that the sample's graph builds.
    A frozen model runs its forward as it is written, also what no choice takes up. See `Cost` for the arguments.

    Example:
        >>> from retiarii.hub import MobileNetV3
        >>> space = MobileNetV3()
        >>> flops = Flops(space, (1, 3, 64, 64))
        >>> flops(space.default()) == 2 * Macs(space, (1, 3, 64, 64))(space.default())
        True
    """

    name = "flops"

    @staticmethod
    def measure(result: Result) -> int:
        return result.flops


class Macs(_OfSteps):
    """The multiply-adds of a forward: half of its `Flops`."""

    name = "macs"

    @staticmethod
    def measure(result: Result) -> int:
        return result.flops // 2


class ActivationMemory(_OfSteps):
    """The bytes of all tensors that the operators of a forward make: the most that training keeps of them.

    Views and the results of operators that work in place take no memory of their own. The model's inputs and
    parameters do not count. In evaluation mode, on the meta device. See `Cost` for the arguments.
    """

    name = "activation_memory"

    @staticmethod
    def measure(result: Result) -> int:
        return result.bytes


class Parameters(Cost):
    """The number of parameters of a model; what stands at several places counts once.

    Lazy layers count with what they have after a forward. See `Cost` for the arguments; inputs matter to models with
    lazy layers alone.
    """

    name = "parameters"

    @cached_property
    def profile(self) -> Profile:
        """What is known of the space; shared with other costs of it."""
        is_known = self._inputs is not None or is_named(self.space)
        return profile_of(self.space, self._inputs if is_known else NO_INPUTS)

    def amounts(self, walk: Walk, frame: Frame) -> Iterator[Column]:
        yield from walk.members.counts(frame)
        if walk.members.lazy:
            yield from self._of_lazy_layers(walk, frame)

    @staticmethod
    def _of_lazy_layers(walk: Walk, frame: Frame) -> Iterator[Column]:
        """A layer gets its parameters where it is called first."""
        called: dict[str, Column] = {}
        for visit in walk.visits(frame):
            if visit.layer not in walk.members.lazy:
                continue
            first = masked(frame, visit.outcomes, called.get(visit.layer, YES))
            yield visit.site.amounts(first, lambda result: result.late_parameters)
            others = frame.apply(np.less, visit.outcomes, constant(0))
            called[visit.layer] = both(frame, called.get(visit.layer, YES), others)
