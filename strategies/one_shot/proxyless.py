"""`Proxyless`: one architecture a step; to train the architecture, two candidates of each choice are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Unpack

import pytorch_lightning as pl
import torch
from torch import Tensor

from retiarii.domain import Subset
from retiarii.strategies.one_shot.alternating import AlternatingModule, MakeOptimizer, Turns
from retiarii.strategies.one_shot.differentiable import Options
from retiarii.strategies.one_shot.drawing import DrawingModule, DrawingStrategy
from retiarii.strategies.one_shot.pairing import Pair
from retiarii.strategies.one_shot.paths import drawn, two, ways_of
from retiarii.strategies.one_shot.supernet import Supernet
from retiarii.strategies.one_shot.ways import Ways

_ADAM: MakeOptimizer = partial(torch.optim.Adam, betas=(0.0, 0.999))
"""Without momentum, which would move numbers of candidates that were not compared."""


class Proxyless(DrawingStrategy):
    """ProxylessNAS: binary gates let one path through, so that a supernet takes about the memory of one model.

    The weights are trained on an architecture that is drawn. For the architecture two candidates of each choice are
    drawn; one of them, by their probabilities, is the path, and the other one is computed beside it without being
    trained, to learn from the gradients of their gates which is better. Between these two the probability shifts, and
    those of the others stay as they are; where several inputs are chosen at once, subsets share numbers, so that others
    move with the two.

    Source: Cai, Zhu, Han: "ProxylessNAS: Direct Neural Architecture Search on Target Task and Hardware", ICLR 2019,
    section 3.2. The optimizer is that of its code: Adam at 1e-3 without momentum and weight decay.

    Args:
        options: Those of `DrawingStrategy`; `architecture_learning_rate` is 1e-3 by default.
    """

    at_once: ClassVar[float] = 2

    def __init__(self, **options: Unpack[Options]) -> None:
        given: Options = {"architecture_learning_rate": 1e-3, "architecture_optimizer": _ADAM}
        given.update(options)
        super().__init__(**given)

    def alternating(self, task: pl.LightningModule, supernet: Supernet, turns: Turns) -> AlternatingModule:
        return ProxylessModule(task, supernet, turns)


class ProxylessModule(DrawingModule):
    """Takes a drawn architecture; for gradients with another candidate beside each that is taken."""

    at_once: ClassVar[int | None] = 2

    def __init__(self, task: pl.LightningModule, supernet: Supernet, turns: Turns) -> None:
        super().__init__(task, supernet, turns)
        self._duels: dict[str, Duel] = {}

    def weigh(self, index: int, phase: int) -> Mapping[str, Ways]:
        architecture, random = self.architecture, self.random(index, phase)
        if not torch.is_grad_enabled():
            return ways_of(architecture, drawn(architecture, random))
        path = drawn(architecture, random, two)
        ways = ways_of(architecture, path)
        self._duels = {}
        for label in path.sample:
            places, values = path.labels[label].places, architecture.values[label]
            if len(places) > 1:
                gates = torch.eye(len(places), device=self.device)[0].requires_grad_()
                self._duels[label] = Duel(list(places), gates)
                ways[label] = Ways(tuple([values[place] for place in places]), gates)
        return ways

    def train_architecture(self, pair: Pair, index: int) -> None:
        loss = self.architecture_loss(pair.architecture, index)
        if not self._duels:
            return
        gates = [duel.gates for duel in self._duels.values()]
        found = self.gradients(loss, [*gates, *self.architecture.parameters()])
        of_gates = dict(zip(self._duels, found, strict=False))
        of_numbers = dict(zip(self.architecture.labels, found[len(gates) :], strict=True))
        before = {label: self.architecture.number(label).detach().clone() for label in self._duels}
        self.step([self._gradient(label, of_gates.get(label), own) for label, own in of_numbers.items()])
        for label, values in before.items():
            self._keep_others(label, values)

    def _gradient(self, label: str, of_gates: Tensor | None, own: Tensor | None) -> Tensor | None:
        """That of a label's numbers, from the gradients of its two gates, and of the penalty."""
        duel = self._duels.get(label)
        if duel is None or of_gates is None:
            return None
        number = self.architecture.number(label)
        likely = self.architecture.logits(label)[duel.places].softmax(0)
        (found,) = torch.autograd.grad(likely, number, of_gates)
        if own is None:
            return found
        if self._is_one_each(label):
            own = own * torch.zeros_like(own).index_fill(0, torch.tensor(duel.places, device=own.device), 1.0)
        return found + own

    @torch.no_grad()
    def _keep_others(self, label: str, before: Tensor) -> None:
        """Gives the two candidates together the probability that they had."""
        if not self._is_one_each(label):
            return
        number, places = self.architecture.number(label), self._duels[label].places
        number[places] += before[places].logsumexp(0) - number[places].logsumexp(0)

    def _is_one_each(self, label: str) -> bool:
        """Whether each value of a label has one number of its own."""
        choice = self.architecture.domain.choices[label]
        return not isinstance(choice, Subset) or choice.minimum == choice.maximum == 1


@dataclass(frozen=True, slots=True)
class Duel:
    """Two values of a label, the first of which is the path.

    Attributes:
        places: Of the two among the label's values.
        gates: What they are multiplied with, 1 and 0, shape (2,).
    """

    places: list[int]
    gates: Tensor
