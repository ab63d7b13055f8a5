"""Parts of a graph that can change places, and nothing else would be different."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from retiarii.graph.digests import has_identity, is_ordered, label, outline
from retiarii.graph.symmetry import bonds

if TYPE_CHECKING:
    from retiarii.graph.graph import Graph


class Twins:
    """Finds, for two nodes that look alike, that their parts of the graph are mirror images of each other.

    Args:
        graph: one in which the order of the nodes means nothing.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._refs = {name: outline(record).refs for name, record in graph.records.items()}
        self._users: dict[str, set[str]] = defaultdict(set)
        self._callers: dict[str, set[str]] = defaultdict(set)
        for name, record in graph.records.items():
            for ref in self._refs[name]:
                self._users[ref].add(name)
            target = outline(record).target
            if target and has_identity(graph, target, in_order=False):
                self._callers[target].add(name)
        self._is_plain = not bonds(graph, self._callers)

    def are(self, one: str, other: str, *visited: Collection[str]) -> bool:
        """Whether the graph stays as it is when two nodes change places, with what only they need.

        Args:
            one: a node.
            other: another node, no argument of the first.
            visited: nodes that may not change places any more.
        """
        pairs = self._paired(one, other) if self._is_plain else {}
        if not pairs or not all(pairs.keys().isdisjoint(names) for names in visited):
            return False
        users = {user for name in pairs for user in self._users[name] if user not in pairs}
        return all(self._is_fixed(user, pairs) for user in users) and self._keeps_targets(pairs)

    def _paired(self, one: str, other: str) -> Mapping[str, str]:
        """Each node of the one part with its image, both ways; nothing if the parts differ or overlap."""
        pairs: dict[str, str] = {}
        waiting = [(one, other)]
        while waiting:
            left, right = waiting.pop()
            if left == right and left not in pairs:
                continue
            if pairs.get(left, right) != right or pairs.get(right, left) != left or left == right:
                return {}
            if left in pairs:
                continue
            if label(self._graph, left) != label(self._graph, right):
                return {}
            pairs[left], pairs[right] = right, left
            waiting += zip(self._aligned(left), self._aligned(right), strict=True)
        return pairs

    def _aligned(self, name: str) -> tuple[str, ...]:
        refs = self._refs[name]
        return refs if is_ordered(self._graph, name) else tuple(sorted(refs, key=lambda ref: label(self._graph, ref)))

    def _is_fixed(self, user: str, pairs: Mapping[str, str]) -> bool:
        refs = self._refs[user]
        images = tuple([pairs.get(ref, ref) for ref in refs])
        return images == refs or (images == refs[::-1] and not is_ordered(self._graph, user))

    def _keeps_targets(self, pairs: Mapping[str, str]) -> bool:
        """Whether what shares weights with a node shares them with its image's."""
        targets = {name: outline(self._graph.records[name]).target for name in pairs}
        moved = {targets[name]: targets[image] for name, image in pairs.items() if targets[name] != targets[image]}
        return all(
            targets.get(pairs.get(caller, caller)) == image
            for target, image in moved.items()
            for caller in self._callers.get(target, ())
        )
