"""Samples by number: what counting them found, read backwards."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import prod
from typing import Protocol, TypeAlias

from retiarii.domain.value import Sample, Value

_WORD = 2**60


class _Countable(Protocol):
    @property
    def size(self) -> float: ...

    def nth(self, index: int, /) -> Value: ...


@dataclass(frozen=True, slots=True)
class Single:
    """A choice on which no other depends."""

    label: str
    choice: _Countable
    size: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", int(self.choice.size))

    def decide(self, index: int, sample: Sample) -> Waiting:
        """Takes note of what number `index` decides here, and gives what is left to decide."""
        sample[self.label] = self.choice.nth(index)
        return []


@dataclass(frozen=True, slots=True)
class Product:
    """Parts that are independent; the last one changes fastest."""

    parts: tuple[Node, ...]
    size: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", prod([part.size for part in self.parts]))

    def decide(self, index: int, sample: Sample) -> Waiting:
        """Takes note of what number `index` decides here, and gives what is left to decide."""
        left: Waiting = []
        for part in reversed(self.parts):
            index, own = divmod(index, part.size)
            if isinstance(part, Single):
                sample[part.label] = part.choice.nth(own)
            else:
                left.append((part, own))
        return left


@dataclass(frozen=True, slots=True)
class Fork:
    """A choice, and for each group of its values what the others come to then."""

    label: str
    ways: tuple[Sequence[Value], ...]
    rests: tuple[Node, ...]
    ends: list[int] = field(init=False)
    size: int = field(init=False)

    def __post_init__(self) -> None:
        sizes = [len(way) * rest.size for way, rest in zip(self.ways, self.rests, strict=True)]
        object.__setattr__(self, "ends", [*accumulate(sizes)])
        object.__setattr__(self, "size", sum(sizes))

    def decide(self, index: int, sample: Sample) -> Waiting:
        """Takes note of what number `index` decides here, and gives what is left to decide."""
        place = bisect(self.ends, index)
        before = self.ends[place - 1] if place else 0
        rest = self.rests[place]
        value, within = divmod(index - before, rest.size)
        sample[self.label] = self.ways[place][value]
        return [(rest, within)]


Node: TypeAlias = Single | Product | Fork
Waiting: TypeAlias = list[tuple[Node, int]]


def product(parts: Sequence[Node]) -> Product:
    """Independent parts, in groups that fit a machine word if there are many: to divide long numbers is slow."""
    groups: list[list[Node]] = []
    size = 0
    for part in parts:
        size *= part.size
        if not 0 < size < _WORD:
            groups.append([])
            size = part.size
        groups[-1].append(part)
    return Product(tuple([Product(tuple(group)) for group in groups])) if len(groups) > 1 else Product(tuple(parts))


def decisions(root: Node, index: int) -> Sample:
    """The decisions of sample number `index`, in no particular order."""
    result: Sample = {}
    waiting: Waiting = [(root, index)]
    while waiting:
        node, own = waiting.pop()
        waiting += node.decide(own, result)
    return result
