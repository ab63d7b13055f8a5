"""Functions of labels as decision diagrams: small where a value depends on many labels in a simple way.

Bryant, "Graph-based algorithms for Boolean function manipulation", 1986; with several values for each variable: Kam,
Villa, Brayton and Sangiovanni-Vincentelli, "Multi-valued decision diagrams: theory and applications", 1998.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Ref: TypeAlias = int
"""A node from 0 on; below 0 a leaf: -1 is leaf 0, -2 is leaf 1 and so on."""

MOST_NODES = 2**17
"""The largest diagram that is made."""


class TooManyNodesError(Exception):
    """Two functions of labels are too irregular for a diagram of both.

    Attributes:
        roots: of their diagrams.
    """

    def __init__(self, roots: tuple[Ref, Ref]) -> None:
        super().__init__()
        self.roots = roots


@dataclass(frozen=True, slots=True)
class Product:
    """A diagram that tells apart what either of two does.

    Attributes:
        root: of the diagram.
        pairs: for each of its leaves, the leaf of the first and that of the second.
    """

    root: Ref
    pairs: Sequence[tuple[int, int]]


class Diagrams:
    """Nodes, each kept once: a variable, and what follows for each of its values. Variables go up along every path.

    A diagram is canonical if its leaves are numbered in the order in which a depth-first walk meets them: then two that
    tell the same things apart have one root.

    Attributes:
        variables: of each node.
        children: of each node, one for each value of its variable; they are older than the node.
    """

    def __init__(self) -> None:
        self.variables: list[int] = []
        self.children: list[tuple[Ref, ...]] = []
        self._known: dict[tuple[int, tuple[Ref, ...]], Ref] = {}
        self._products: dict[tuple[Ref, Ref], Product] = {}
        self._relabelled: dict[tuple[Ref, tuple[int, ...], int | None], Ref] = {}

    def node(self, variable: int, children: tuple[Ref, ...]) -> Ref:
        """The node with these children; where they are all the same, that one."""
        if children.count(children[0]) == len(children):
            return children[0]
        key = variable, children
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = len(self.variables)
            self.variables.append(variable)
            self.children.append(children)
        return known

    def nodes(self, root: Ref) -> list[Ref]:
        """The nodes of a diagram, each after its children."""
        found: set[Ref] = set()
        waiting = [root]
        while waiting:
            ref = waiting.pop()
            if ref >= 0 and ref not in found:
                found.add(ref)
                waiting += self.children[ref]
        return sorted(found)

    def leaves(self, root: Ref) -> list[int]:
        """The leaves of a diagram, in the order in which a depth-first walk meets them."""
        found: dict[int, None] = {}
        seen: set[Ref] = set()
        waiting = [root]
        while waiting:
            ref = waiting.pop()
            if ref < 0:
                found[-1 - ref] = None
            elif ref not in seen:
                seen.add(ref)
                waiting += reversed(self.children[ref])
        return list(found)

    def product(self, first: Ref, second: Ref) -> Product:
        """The canonical diagram that tells apart what either of two does.

        Raises:
            TooManyNodesError: it is too large.
        """
        key = first, second
        if key not in self._products:
            self._products[key] = self._product(first, second)
        return self._products[key]

    def _product(self, first: Ref, second: Ref) -> Product:
        pairs: dict[tuple[int, int], Ref] = {}
        done: dict[tuple[Ref, Ref], Ref] = {}

        def walk(one: Ref, other: Ref) -> Ref:
            known = done.get((one, other))
            if known is not None:
                return known
            if one < 0 and other < 0:
                made = pairs.setdefault((-1 - one, -1 - other), -1 - len(pairs))
            else:
                variable, ways = self._split(one, other)
                made = self.node(variable, tuple([walk(*way) for way in ways]))
            done[one, other] = made
            if len(done) > MOST_NODES:
                raise TooManyNodesError((first, second))
            return made

        try:
            return Product(walk(first, second), tuple(pairs))
        except RecursionError:
            raise TooManyNodesError((first, second)) from None

    def _split(self, one: Ref, other: Ref) -> tuple[int, Iterator[tuple[Ref, Ref]]]:
        """The first variable of two diagrams, and for each of its values what follows in both."""
        variable = min([self.variables[ref] for ref in (one, other) if ref >= 0])
        one_leads = one >= 0 and self.variables[one] == variable
        if one_leads and other >= 0 and self.variables[other] == variable:
            return variable, zip(self.children[one], self.children[other], strict=True)
        if one_leads:
            return variable, ((child, other) for child in self.children[one])
        return variable, ((one, child) for child in self.children[other])

    def relabelled(self, root: Ref, numbers: Sequence[int], free: int | None = None) -> Ref:
        """A diagram with other numbers for its leaves.

        Args:
            root: of the diagram.
            numbers: for each leaf the new one.
            free: the new leaf that nobody asks for: where but one other thing can follow, that one does.
        """
        key = root, tuple(numbers), free
        if key not in self._relabelled:
            self._relabelled[key] = self._with_numbers(root, numbers, free)
        return self._relabelled[key]

    def _with_numbers(self, root: Ref, numbers: Sequence[int], free: int | None) -> Ref:
        made: dict[Ref, Ref] = {-1 - leaf: -1 - number for leaf, number in enumerate(numbers)}
        ignored = None if free is None else -1 - free
        for ref in self.nodes(root):
            children = tuple([made[child] for child in self.children[ref]])
            wanted = {*children} - {ignored}
            made[ref] = wanted.pop() if len(wanted) == 1 else self.node(self.variables[ref], children)
        return made[root]
