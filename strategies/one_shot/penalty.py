"""What models cost, as a part of what a one-shot strategy optimises."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

from torch import Tensor

from retiarii.domain.constraint import Cost
from retiarii.domain.foreign import foreign
from retiarii.domain.value import Sample
from retiarii.errors import ExperimentError, ProfileError
from retiarii.space import ModelSpace
from retiarii.strategies.one_shot.average import Average
from retiarii.strategies.one_shot.ways import Ways

Kind: TypeAlias = Literal["linear", "power", "hinge"]


class Penalty:
    """Makes models that cost more worse: the loss of an architecture, or the reward of a sample.

    With `r` the cost divided by `target`, the loss L and the reward R become

    - "linear": L + weight · r, and R - weight · r. Cai et al., "ProxylessNAS", ICLR 2019, section 3.3.
    - "power": L · r^weight, and R / r^weight (R · r^weight for rewards below 0). Tan et al., "MnasNet", CVPR 2019,
      equation 2, with a weight of 0.07; a product as in Wu et al., "FBNet", CVPR 2019, section 3.2, which has a power
      of the logarithm. The loss must not be below 0.
    - "hinge": L + weight · max(0, r - 1), and R - weight · max(0, r - 1): only what is above the target counts.

    Methods that train probabilities by gradients use the average cost of samples whose labels have these
    probabilities, which is exact; `Flops`, `Macs`, `Parameters`, `ActivationMemory` and `LatencyTable` have one.
    Methods that draw samples use the cost of each, which any cost model gives.

    Args:
        cost: of the space that is searched, such as `Flops(space)`.
        target: what a model may cost, in the unit of the cost.
        weight: how much the cost counts.
        kind: how it counts.

    Raises:
        ExperimentError: the cost is no cost model, target or weight are no finite numbers above 0, or there is no such
            kind.
    """

    def __init__(self, cost: Cost, target: float, weight: float = 0.1, kind: Kind = "linear") -> None:
        name = getattr(cost, "name", None)
        if isinstance(cost, type) or not callable(cost) or not isinstance(name, str):
            raise ExperimentError(f"Penalty(cost={cost!r}): give a cost model, such as Flops(space)")
        for argument, number in (("target", target), ("weight", weight)):
            if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number < math.inf:
                raise ExperimentError(f"Penalty({argument}={number!r}): give a finite number above 0")
        if kind not in get_args(Kind):
            raise ExperimentError(f"Penalty(kind={kind!r}): give one of {', '.join(get_args(Kind))}")
        self.cost = cost
        self.target = target
        self.weight = weight
        self.kind = kind
        self._average: Average | None = None

    def check(self, space: ModelSpace, *, is_average: bool) -> None:
        """Sees that the costs of a space are known, before its layers are changed.

        Args:
            space: what is searched.
            is_average: whether it is the average that is asked for, which is tabulated now.

        Raises:
            ExperimentError: the cost is one of another space, or no sum over the parts of models.
            ProfileError: costs are not known, say for want of inputs, or their average is not.
        """
        problem = foreign(self.cost, space)
        if problem:
            raise ExperimentError(f"the penalty has {self.cost!r}, but {problem}")
        self._price(space.domain.default())
        if is_average:
            self._averaged()

    def loss(self, loss: Tensor, distribution: Mapping[str, Ways]) -> Tensor:
        """The loss with what models cost on average.

        Args:
            loss: a number.
            distribution: for each label, at least where the cost depends on it, values with their probabilities.
        """
        ratio = (self.average(distribution) / self.target).to(loss.dtype)
        match self.kind:
            case "linear":
                return loss + self.weight * ratio
            case "power":
                return loss * ratio**self.weight
        return loss + self.weight * (ratio - 1).relu()

    def average(self, distribution: Mapping[str, Ways]) -> Tensor:
        """The average cost of samples whose labels are decided independently, exact and differentiable, in float64.

        Args:
            distribution: see `loss`. Values that a label's ways leave out have the probability 0.

        Raises:
            ExperimentError: it lacks a label, or has values that are none of the label's.
        """
        return self._averaged()(distribution)

    def reward(self, reward: float, sample: Sample) -> float:
        """The reward of a sample with what its model costs.

        Args:
            reward: the more the better.
            sample: of the space.

        Raises:
            ExperimentError: the model costs nothing, and the kind is "power".
        """
        ratio = self._price(sample) / self.target
        match self.kind:
            case "linear":
                return reward - self.weight * ratio
            case "hinge":
                return reward - self.weight * max(0.0, ratio - 1)
        if ratio <= 0:
            raise ExperimentError(
                f"the {self.cost.name} of {sample} is {ratio * self.target}, which no reward can be divided by: "
                "give the penalty the kind 'linear' or 'hinge'"
            )
        factor: float = ratio ** math.copysign(self.weight, -reward)
        return reward * factor

    def _price(self, sample: Sample) -> float:
        found: float = self.cost([dict(sample)])[0].item()
        if not math.isfinite(found):
            raise ProfileError(f"the cost {self.cost.name!r} is {found} for {sample}; it must be a finite number")
        return found

    def _averaged(self) -> Average:
        if self._average is None:
            expectation = getattr(self.cost, "expectation", None)
            if expectation is None:
                raise ExperimentError(
                    f"{self.cost!r} is known of whole models only, so gradients can't go through its average: give a "
                    "sum over parts, such as Flops(space) or LatencyTable.measure(space, samples=None)"
                )
            self._average = Average(expectation(), self.cost.name)
        return self._average

    def __repr__(self) -> str:
        return f"Penalty({self.cost!r}, target={self.target}, weight={self.weight}, kind={self.kind!r})"
