"""Telling apart nodes that look alike, by all that surrounds them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from retiarii.graph.digests import TENSOR, TRAINING, has_identity, is_ordered, label, outline, stored_digest
from retiarii.graph.effects import Changers

if TYPE_CHECKING:
    from retiarii.graph.graph import Graph

Bond = list[tuple[str, str]]
"""Modules or stored tensors that hold one and the same tensor or module, and where inside each it is."""


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """A node and what it is tied to.

    Attributes:
        label: what it says by itself.
        refs: the nodes that it takes.
        changers: the nodes whose changes to memory it sees.
        is_ordered: whether the order of `refs` means anything.
        target: the module or tensor with an identity that it names, or "".
    """

    label: bytes
    refs: tuple[Hashable, ...]
    changers: tuple[Hashable, ...]
    is_ordered: bool
    target: str


class Symmetry:
    """An order of nodes that depends on the graph alone, not on names or on the order in which nodes are stored.

    Every node has a colour: a hash of what it says by itself, then again and again of the colours of what it takes, of
    what takes it and of what shares its weights, until no more nodes can be told apart so. Of two nodes that still
    look the same one is chosen, which then colours the others: colour refinement with individualization (McKay and
    Piperno, "Practical graph isomorphism, II", 2014, section 2), in which the first choice is taken to be as good as
    any, as it is wherever equal colours mean that the graph is the same from both nodes.

    Args:
        graph: the graph.
        changers: see `memory_order`; None where the order of the nodes means nothing.
        ends: the nodes that count, with all that they take.
    """

    def __init__(self, graph: Graph, changers: Changers | None, ends: Iterable[str]) -> None:
        reading = _Reading(graph, changers or {}, in_order=changers is not None)
        self._keys = {name: reading.key(name) for name in reading.reached(ends)}
        self._nodes = {key: reading.surroundings(name) for name, key in self._keys.items()}
        self._callers: dict[str, list[Hashable]] = defaultdict(list)
        for key, node in self._nodes.items():
            if node.target:
                self._callers[node.target].append(key)
        self._bonds = bonds(graph, self._callers)
        self._colours = {key: node.label for key, node in self._nodes.items()}
        self._is_settled = False

    def is_before(self, first: str, second: str) -> bool:
        """Whether the first node comes before the second; where nothing tells them apart, it does from now on."""
        chosen, rival = self._keys[first], self._keys[second]
        if self._colours[chosen] == self._colours[rival] and not self._is_settled:
            self._settle()
        one, other = self._colours[chosen], self._colours[rival]
        if one == other and chosen != rival:
            self._colours[chosen] = _hashed([one, b"first"])
            self._is_settled = False
        return one <= other

    def _settle(self) -> None:
        classes = 0
        while classes < (classes := len(set(self._colours.values()))):
            self._colours = self._from_users(self._from_arguments(self._of_targets()))
        self._is_settled = True

    def _of_targets(self) -> Mapping[str, bytes]:
        colours = {
            target: _hashed(sorted([self._colours[key] for key in keys])) for target, keys in self._callers.items()
        }
        tied: dict[str, list[bytes]] = defaultdict(list)
        for bond in self._bonds:
            places = [_hashed([colours[target], inside.encode()]) for target, inside in bond]
            for own, (target, _) in zip(places, bond, strict=True):
                tied[target].append(_hashed([own, *sorted(places)]))
        return {target: _hashed([colour, *sorted(tied[target])]) for target, colour in colours.items()}

    def _from_arguments(self, targets: Mapping[str, bytes]) -> dict[Hashable, bytes]:
        found: dict[Hashable, bytes] = {}
        for key, node in self._nodes.items():
            taken = [found[ref] for ref in node.refs]
            if not node.is_ordered:
                taken.sort()
            seen = sorted([found[ref] for ref in node.changers])
            found[key] = _hashed([self._colours[key], targets.get(node.target, b""), *taken, b"after", *seen])
        return found

    def _from_users(self, colours: Mapping[Hashable, bytes]) -> dict[Hashable, bytes]:
        found: dict[Hashable, bytes] = {}
        uses: dict[Hashable, list[bytes]] = defaultdict(list)
        for key in reversed(self._nodes):
            node = self._nodes[key]
            own = found[key] = _hashed([colours[key], *sorted(uses[key])])
            for position, ref in enumerate(node.refs):
                uses[ref].append(own + (b"%d" % position if node.is_ordered else b"any"))
            for ref in node.changers:
                uses[ref].append(own + b"after")
        return found


def bonds(graph: Graph, targets: Iterable[str]) -> list[Bond]:
    """What lies inside several of these modules, or inside one and is also named by itself."""
    known = set(targets)
    nested = [target for target in known if not known.isdisjoint(_enclosing(target))]
    if not nested and not graph.ties:
        return []
    paths: dict[str, set[str]] = defaultdict(set)
    for path, first in (*graph.ties.items(), *[(target, graph.ties.get(target, target)) for target in nested]):
        paths[first] |= {path, first}
    found = []
    for same in paths.values():
        bond = {(owner, path[len(owner) :]) for path in same for owner in (path, *_enclosing(path)) if owner in known}
        if len(bond) > 1:
            found.append(sorted(bond))
    return found


@lru_cache(maxsize=65536)
def _enclosing(path: str) -> tuple[str, ...]:
    parts = path.split(".")
    return tuple([".".join(parts[:length]) for length in range(len(parts))])


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the nodes of a graph are to one another; see `Symmetry`."""

    graph: Graph
    changers: Changers
    in_order: bool

    def key(self, name: str) -> Hashable:
        """The node, or what it stands for where several nodes may stand for the same."""
        _, _, kind, target = outline(self.graph.records[name])
        if kind == TENSOR and not self.identity(target):
            return stored_digest(self.graph, target)
        return (kind, target) if kind in (TENSOR, TRAINING) else name

    def identity(self, target: str) -> str:
        """The module or tensor, or "" if it is like any that is described by the same words."""
        return target if target and has_identity(self.graph, target, in_order=self.in_order) else ""

    def surroundings(self, name: str) -> _Surroundings:
        """A node and what it is tied to."""
        _, refs, _, target = outline(self.graph.records[name])
        return _Surroundings(
            label=label(self.graph, name),
            refs=tuple([self.key(ref) for ref in reversed(refs)]),
            changers=tuple([self.key(step) for step in self.steps(name)]),
            is_ordered=is_ordered(self.graph, name),
            target=self.identity(target),
        )

    def steps(self, name: str) -> list[str]:
        """The nodes whose changes to memory a node sees."""
        return list(dict.fromkeys([step for steps in self.changers.get(name, {}).values() for step in steps]))

    def reached(self, ends: Iterable[str]) -> list[str]:
        """The ends and all that they take, each node after those that it takes."""
        done: dict[str, None] = {}
        entered: set[str] = set()
        waiting = [(name, False) for name in ends]
        while waiting:
            name, is_left = waiting.pop()
            if is_left:
                done[name] = None
            elif name not in entered:
                entered.add(name)
                refs = (*outline(self.graph.records[name]).refs, *self.steps(name))
                waiting += [(name, True), *[(ref, False) for ref in refs]]
        return list(done)


def _hashed(parts: list[bytes]) -> bytes:
    return blake2b(b"".join(parts), digest_size=8).digest()
