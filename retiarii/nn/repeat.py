"""`Repeat`: blocks in a row, as many as a sample says."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from torch import nn

from retiarii.domain.choice import Choice
from retiarii.domain.expression import Call, Expression
from retiarii.errors import SpaceError
from retiarii.graph.spec import ChoiceSpec
from retiarii.nn.answer import Answer, answer_of
from retiarii.nn.choice import ChoiceModule, Describe, Freeze, Part, described
from retiarii.nn.value_choice import ValueChoice

Block = nn.Module | Callable[[int], nn.Module]
_MOST_COMBINATIONS = 10_000


class Repeat(ChoiceModule):
    """The first blocks of a row.

    In a sample it is the number of blocks. The frozen model has an `nn.Sequential` here. The smallest depth is the
    default. Choices inside blocks beyond the depth are inactive.

    Source: NNI's `Repeat`; the elastic depth of Once-for-All (Cai et al., ICLR 2020), section 3.

    Shapes: those of the blocks, each of which takes what the one before it gives.

    Args:
        blocks: a module (copied for each place, so that labels given inside are shared), a function that makes the
            block for an index, or a list of either, at least as long as the largest depth.
        depth: a number, the smallest and the largest as a tuple, or a `ValueChoice` or an expression of several.
        label: its name, if `depth` is a range; without one, its path in the space.
        key: another word for `label`.

    Raises:
        SpaceError: a depth that is no number from 0 on, too few blocks, or a block that is no module.

    Example:
        >>> from retiarii import nn
        >>> stage = nn.Repeat(lambda index: nn.Linear(8, 8), depth=(1, 4), label="depth")
        >>> len(stage), len(stage.blocks)
        (1, 4)
    """

    def __init__(
        self,
        blocks: Block | Sequence[Block] | nn.ModuleList,
        depth: int | tuple[int, int] | Expression,
        *,
        label: str | None = None,
        key: str | None = None,
    ) -> None:
        super().__init__(label, key)
        self.depth: Any = self._depth(depth)
        self.depths = self._all_depths()
        for index in range(self.depths[-1]):
            self._modules[str(index)] = self._block(blocks, index)

    def _depth(self, depth: Any) -> Any:
        if isinstance(depth, Expression):
            return self._decided_elsewhere(depth)
        low, high = depth if isinstance(depth, tuple | list) and len(depth) == len(("low", "high")) else (depth, depth)
        if not (type(low) is int and type(high) is int and 0 <= low <= high):
            raise SpaceError(
                f"{self.named} has depth={depth!r}; give a number from 0 on, (low, high), or a ValueChoice of numbers"
            )
        if low == high:
            return low
        self.symbol = ValueChoice(range(low, high + 1), label=self.label if self.is_labelled else None)
        return self.symbol

    def _decided_elsewhere(self, depth: Expression) -> Expression:
        if not self.is_labelled:
            return depth
        if isinstance(depth, ValueChoice) and not depth.is_labelled:
            depth.label, depth.is_labelled = self.label, True
        if depth.labels != (self.label,):
            raise SpaceError(f"{self.named} has the depth {depth!r}, which has a label of its own; give one label")
        return depth

    def _all_depths(self) -> tuple[int, ...]:
        if type(self.depth) is int:
            return (self.depth,)
        symbols = self.depth.symbols
        count = math.prod(symbol.choice.size for symbol in symbols)
        if count > _MOST_COMBINATIONS:
            raise SpaceError(
                f"{self.named} has the depth {self.depth!r}, which can be decided in {count} ways; give at most "
                f"{_MOST_COMBINATIONS}, all of them whole numbers"
            )
        found = set()
        for values in itertools.product(*[symbol.choice.values() for symbol in symbols]):
            found.add(self.depth.evaluate({symbol.label: value for symbol, value in zip(symbols, values, strict=True)}))
        wrong = [value for value in found if type(value) is not int or value < 0]
        if wrong:
            raise SpaceError(f"{self.named} can have the depth {self.depth!r} = {wrong[0]!r}; give numbers from 0 on")
        return tuple(sorted(found))

    def _block(self, blocks: Any, index: int) -> nn.Module:
        if isinstance(blocks, nn.ModuleList | list | tuple):
            if len(blocks) < self.depths[-1]:
                raise SpaceError(
                    f"{self.named} can be {self.depths[-1]} deep and has {len(blocks)} blocks; give one for each place"
                )
            made = blocks[index]
            made = made if isinstance(made, nn.Module) or not callable(made) else made(index)
        elif isinstance(blocks, nn.Module):
            made = blocks if index == 0 else copy.deepcopy(blocks)
        elif not callable(blocks):
            raise SpaceError(f"{self.named} repeats {blocks!r}; give a module, a function of the index, or a list")
        else:
            made = blocks(index)
        if not isinstance(made, nn.Module):
            raise SpaceError(f"block {index} of {self.named} is no module but {made!r}; let the function return one")
        return made

    def undecided(self) -> Mapping[str, Expression]:
        return {} if type(self.depth) is int else {"choice": self.depth}

    @property
    def answer(self) -> Answer:
        return answer_of(self, "choice", self.depth)

    @property
    def choice(self) -> Choice | None:
        return None

    @property
    def decider(self) -> Expression | None:
        return None if type(self.depth) is int else self.depth

    def parts(self) -> Iterator[Part]:
        for index, block in enumerate(self.blocks):
            yield str(index), block, None if self.depths[0] > index else self.depth > index

    def decided(self, sample: Mapping[str, Any], freeze: Freeze) -> nn.Module:
        depth: Any = self.depth.evaluate(sample) if isinstance(self.depth, Expression) else self.depth
        frozen = [module for block in self.blocks[:depth] if (module := freeze(block)) is not None]
        return nn.Sequential(*frozen).train(self.training)

    @property
    def blocks(self) -> list[nn.Module]:
        """All blocks, those beyond the default depth too."""
        return [block for block in self._modules.values() if block is not None]

    def forward(self, x: Any) -> Any:
        if type(self.depth) is int:
            for block in self:
                x = block(x)
            return x
        blocks, reached = self.blocks, [x]

        def at(depth: int) -> Any:
            while len(reached) <= depth:
                reached.append(blocks[len(reached) - 1](reached[-1]))
            return reached[depth]

        return self.answer.select({depth: depth for depth in self.depths}, at)

    def __choice_spec__(self, describe: Describe | None) -> ChoiceSpec:
        named = {str(index): block for index, block in enumerate(self.blocks)}
        depth = Call("int", (self.depth,)) if type(self.depth) is int else self.depth
        return ChoiceSpec("repeat", depth, (), described(named, describe))

    def __len__(self) -> int:
        if type(self.depth) is int:
            return self.depth
        return int(self.answer.value())

    def __iter__(self) -> Iterator[nn.Module]:
        return iter(self.blocks[: len(self)])

    def __getitem__(self, index: int) -> nn.Module:
        return self.blocks[: len(self)][index]

    def extra_repr(self) -> str:
        return f"depth={self.depth!r}"
