"""`InputChoice`: some of several tensors go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from torch import nn

from retiarii.domain.arithmetic import active_resolver
from retiarii.domain.choice import Subset
from retiarii.errors import SpaceError
from retiarii.graph.chosen import ChosenInputs
from retiarii.graph.spec import ChoiceSpec
from retiarii.nn.answer import is_tracing
from retiarii.nn.choice import ChoiceModule, Decision, Describe, Freeze, Part

REDUCTIONS = ("sum", "mean", "concat", "none")


class InputChoice(ChoiceModule):
    """Some of the tensors of a list.

    In a sample it is the sorted list of the indices that are chosen. `forward` takes the list of all candidates. It
    gives None if none is chosen, otherwise their reduction.

    Source: Retiarii (Zhang et al., OSDI 2020), section 3, and NNI's `InputChoice`.

    Shapes: a list of tensors of one shape to a tensor of that shape; "concat" adds up their sizes in dimension 1.

    Args:
        n_candidates: the length of the list.
        choose_from: names of the candidates, instead of their number.
        n_chosen: how many are chosen; None for any number, none included.
        reduction: "sum", "mean", "concat" (along dimension 1) or "none": the tensor itself for `n_chosen=1`, otherwise
            the list of those chosen.
        label: its name; without one, its path in the space.
        key: another word for `label`.
        n_selected: another word for `n_chosen`.

    Raises:
        SpaceError: the numbers do not fit, or an unknown reduction.

    Example:
        >>> import torch
        >>> from retiarii import nn
        >>> skips = nn.InputChoice(3, n_chosen=2, reduction="concat", label="skips")
        >>> skips([torch.zeros(1, 8, 4, 4)] * 3).shape
        torch.Size([1, 16, 4, 4])
    """

    def __init__(
        self,
        n_candidates: int | None = None,
        choose_from: Sequence[str] | None = None,
        n_chosen: int | None = None,
        reduction: str = "sum",
        label: str | None = None,
        *,
        key: str | None = None,
        n_selected: int | None = None,
    ) -> None:
        super().__init__(label, key)
        if n_chosen is not None and n_selected is not None:
            raise SpaceError(
                f"{self.named} got n_chosen={n_chosen} and n_selected={n_selected}; they mean the same, give one"
            )
        self.n_candidates = self._count(n_candidates, choose_from)
        self.n_chosen = n_chosen if n_chosen is not None else n_selected
        self.reduction = reduction
        if self.n_chosen is not None and not (type(self.n_chosen) is int and 1 <= self.n_chosen <= self.n_candidates):
            raise SpaceError(
                f"{self.named} has n_chosen={self.n_chosen!r} of {self.n_candidates} candidates; "
                f"give 1 to {self.n_candidates}, or None for any number"
            )
        if reduction not in REDUCTIONS:
            raise SpaceError(f"{self.named} has reduction={reduction!r}; give one of {', '.join(REDUCTIONS)}")
        cast("Decision", self.symbol).default = tuple(self.choice.default)

    def _count(self, n_candidates: int | None, choose_from: Sequence[str] | None) -> int:
        if choose_from is not None:
            if n_candidates not in (None, len(choose_from)):
                raise SpaceError(
                    f"{self.named} has n_candidates={n_candidates}, and choose_from names {len(choose_from)}; give one"
                )
            n_candidates = len(choose_from)
        if type(n_candidates) is not int or n_candidates < 1:
            raise SpaceError(f"{self.named} needs n_candidates, a number from 1 on; it got {n_candidates!r}")
        return n_candidates

    @property
    def choice(self) -> Subset:
        if self.n_chosen is None:
            return Subset(self.label, self.n_candidates)
        return Subset(self.label, self.n_candidates, self.n_chosen, self.n_chosen)

    def parts(self) -> tuple[Part, ...]:
        return ()

    def decided(self, sample: Mapping[str, Any], freeze: Freeze) -> nn.Module:
        made: nn.Module = ChosenInputs(list(sample[self.label]), self.outcome)
        return made.train(self.training)

    def forward(self, inputs: Sequence[Any]) -> Any:
        if isinstance(inputs, Sequence) and len(inputs) != self.n_candidates:
            raise SpaceError(f"{self.named} chooses from {self.n_candidates} inputs, and its forward got {len(inputs)}")
        if is_tracing() and (resolve := active_resolver()) is not None:
            if self.n_chosen is None and resolve(self.symbol == ()):
                return None
            if self.outcome == "none":
                return [inputs[index] for index in resolve(self.symbol)]
        options = [inputs[index] for index in range(self.n_candidates)]
        return self.answer.combine(options, self.outcome, range(self.n_chosen or self.n_candidates))

    @property
    def outcome(self) -> str:
        """The reduction; of one tensor by itself there is nothing to reduce."""
        return "sum" if self.n_chosen == 1 else self.reduction

    def __choice_spec__(self, describe: Describe | None) -> ChoiceSpec:
        return ChoiceSpec("inputs", self.symbol, (self.outcome,), {})

    def extra_repr(self) -> str:
        counts = f"n_candidates={self.n_candidates}, n_chosen={self.n_chosen}"
        return f"{counts}, reduction={self.reduction!r}, label={self.label!r}"
