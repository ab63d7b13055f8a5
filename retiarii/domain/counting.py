"""How many samples a domain has, and which they are, without listing them.

The choices are split into the connected components of the condition graph, whose counts multiply. In a component, one
choice is decided in all ways; values that leave the same conditions behind are counted once, and so is every
component that comes up again. A requirement is one more choice: active where it is broken, and without values. What was
counted is kept: by it, samples can be numbered.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retiarii.domain.activity import Alternatives
from retiarii.domain.choice import Choice
from retiarii.domain.clauses import ALWAYS, Item, Items, broken_clauses, clauses_of, decided, needs, settled
from retiarii.domain.numbering import Fork, Node, Single, product
from retiarii.domain.requirement import Requirement
from retiarii.domain.value import Value

_MOST_BRANCHES = 10_000


class _ContinuousError(Exception):
    """A continuous choice can be active."""


class _TooManyError(Exception):
    """There are too many ways to decide the choices that requirements join."""


@dataclass(frozen=True, slots=True)
class _Broken:
    """Stands for a broken requirement, which no sample has."""

    size: int = 0

    def nth(self, index: int) -> Value:
        raise IndexError(index)


@dataclass(frozen=True, slots=True)
class Numbering:
    """Which sample has which number.

    Attributes:
        root: All samples; None if a continuous choice can be active.
        has_requirements: Whether these are the samples that keep the requirements.
    """

    root: Node | None
    has_requirements: bool

    @property
    def size(self) -> int | float:
        """The number of samples; `math.inf` if a continuous choice can be active."""
        return math.inf if self.root is None else self.root.size


def numbering_of(
    choices: Mapping[str, Choice], conditions: Mapping[str, Alternatives], requirements: Sequence[Requirement] = ()
) -> Numbering:
    """Counts the distinct samples.

    It leaves out the requirements if it would take more than 10,000 branches to count the samples that keep them.
    """
    items = []
    for label in choices:
        items.append((label, clauses_of(conditions[label]) if label in conditions else ALWAYS))
    longest = max(choices, key=len, default="")
    broken = {f"{longest}{number}": requirement for number, requirement in enumerate(requirements)}
    for label, requirement in broken.items():
        items.append((label, broken_clauses(requirement)))
    counting = _Counting({**choices, **dict.fromkeys(broken, _Broken())}, _MOST_BRANCHES if requirements else math.inf)
    try:
        return Numbering(counting.run(tuple(items)), True)
    except _ContinuousError:
        return Numbering(None, True)
    except _TooManyError:
        return Numbering(numbering_of(choices, conditions).root, False)


class _Counting:
    def __init__(self, choices: Mapping[str, Choice | _Broken], most_branches: float) -> None:
        self._choices = choices
        self._known: dict[Items, Node] = {}
        self._left = most_branches

    def run(self, items: Items) -> Node:
        """The count of `items`, by tasks on a stack of our own: nesting may be deeper than Python's."""
        stack = [(items, self._count(items))]
        result: Node | None = None
        while stack:
            current, task = stack[-1]
            try:
                wanted = task.send(result)
            except StopIteration as done:
                result = self._known[current] = done.value
                stack.pop()
                continue
            result = self._known.get(wanted)
            if result is None:
                stack.append((wanted, self._count(wanted)))
        return self._known[items]

    def _count(self, items: Items) -> Generator[Items, Any, Node]:
        left = settled(items)
        components = _components(left)
        if len(components) != 1 or components[0] != items:
            parts = []
            for component in components:
                parts.append((yield component))
            return product(parts)
        label = _most_needed(left)
        if label is None:
            return Single(left[0][0], self._finite(left[0][0]))
        ways = self._ways(left, label)
        rests = []
        for rest in ways:
            rests.append((yield rest))
        return Fork(label, tuple(ways.values()), tuple(rests))

    def _finite(self, label: str) -> Choice | _Broken:
        choice = self._choices[label]
        if choice.size == math.inf:
            raise _ContinuousError
        return choice

    def _ways(self, items: Items, label: str) -> dict[Items, list[Value]]:
        """The values of a choice by the conditions that they leave behind."""
        choice = self._finite(label)
        self._left -= choice.size
        if self._left < 0:
            raise _TooManyError
        ways: dict[Items, list[Value]] = {}
        for value in () if isinstance(choice, _Broken) else choice.values():
            rest = tuple([decided(item, label, value) for item in items if item[0] != label])
            ways.setdefault(rest, []).append(value)
        return ways


def _components(items: Items) -> list[Items]:
    leader = {label: label for label, _ in items}

    def lead(label: str) -> str:
        while leader[label] != label:
            leader[label] = label = leader[leader[label]]
        return label

    for label, alternatives in items:
        for need in needs(alternatives):
            leader[lead(need)] = lead(label)
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(lead(item[0]), []).append(item)
    return [tuple(group) for group in groups.values()]


def _most_needed(items: Items) -> str | None:
    """The certainly active label that most conditions need; the first of several; None if no condition needs any."""
    times = Counter(need for _, alternatives in items for need in needs(alternatives))
    certain = [label for label, alternatives in items if alternatives == ALWAYS and times[label]]
    return max(certain, key=lambda label: times[label], default=None)
