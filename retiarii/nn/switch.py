"""`Switch`: one of several modules stands here, as an expression of other choices says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from retiarii.domain.expression import Expression
from retiarii.graph.spec import ChoiceSpec
from retiarii.nn.choice import ChoiceModule, Describe, Freeze, Part, described


class Switch(ChoiceModule):
    """One of several modules, or none, by the value of an expression.

    In the frozen model the module stands under the switch's own name; where the value fits no case, nothing does.

    Args:
        decider: what decides.
        cases: the modules by its values.
        is_complete: whether there is a case for every value.
        activity: what must hold for choices inside the cases to be decided at all; by default that the case fits.
    """

    def __init__(
        self,
        decider: Expression,
        cases: Mapping[Any, nn.Module],
        *,
        is_complete: bool = False,
        activity: Expression | None = None,
    ) -> None:
        super().__init__(None, None)
        self.symbol = decider
        self.keys: tuple[Any, ...] = tuple(cases)
        self.is_complete = is_complete
        self.activity = activity
        for key, module in cases.items():
            self._modules[str(key)] = module

    @property
    def choice(self) -> None:
        return None

    @property
    def decider(self) -> Expression:
        return self.symbol

    def case(self, key: Any) -> nn.Module:
        """The module for a value."""
        return self._modules[str(key)]  # type: ignore[return-value]

    @property
    def has_one_part(self) -> bool:
        return self.is_complete

    def parts(self) -> Iterator[Part]:
        for key in self.keys:
            yield str(key), self.case(key), self.activity if self.activity is not None else self.symbol == key

    def decided(self, sample: Mapping[str, Any], freeze: Freeze) -> nn.Module | None:
        value = self.symbol.evaluate(sample)
        return freeze(self.case(value)) if value in self.keys else None

    def forward(self, inputs: Mapping[Any, Any]) -> Any:
        """The value of the case that fits.

        Args:
            inputs: for each value of the expression what its case takes.
        """
        return self.answer.select({key: key for key in self.keys}, lambda key: self.case(key)(inputs[key]))

    def __choice_spec__(self, describe: Describe | None) -> ChoiceSpec:
        named = {str(key): self.case(key) for key in self.keys}
        return ChoiceSpec("switch", self.symbol, self.keys, described(named, describe))

    def extra_repr(self) -> str:
        return f"decider={self.symbol!r}"
