"""`Mutator`: one rewrite of a graph, with decisions that a sample makes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import TypeVar

from retiarii.errors import GraphError, MutationError
from retiarii.graph import Graph

T = TypeVar("T")
Decide = Callable[["Mutator", Sequence[object]], int]
"""The index of the candidate that a mutator's next choice takes."""

_deciding: ContextVar[Decide | None] = ContextVar("deciding", default=None)


class Mutator(ABC):
    """A rewrite of a model's graph. Subclass it and write `mutate`.

    The graph that `mutate` gets is a copy to work on. Each call of `self.choice` is a decision of the space; how many
    there are may depend on earlier ones. In a sample, the only choice of a mutator goes by the mutator's label; several
    go by "label/0", "label/1" … A candidate that is a number, a flag, a text or a tuple of those is its own value in a
    sample; others (layers, classes) are known by their index.

        class Kernel(Mutator):
            def mutate(self, graph):
                for node in graph.find(op=nn.Conv2d):
                    node.update(kernel_size=self.choice([1, 3]), padding="same")

    Args:
        label: its name; without one, the name of its class.
    """

    def __init__(self, label: str | None = None) -> None:
        self._label = label

    @property
    def label(self) -> str:
        """The name of its decisions."""
        return getattr(self, "_label", None) or type(self).__name__

    @abstractmethod
    def mutate(self, graph: Graph) -> None:
        """Rewrite `graph` in place, asking `self.choice` for each decision."""

    def choice(self, candidates: Sequence[T]) -> T:
        """The candidate that the sample says; to be called in `mutate`.

        Raises:
            MutationError: there are no candidates, or no mutation is going on.
        """
        decide = _deciding.get()
        if decide is None:
            raise MutationError(
                f"the mutator {self.label!r} makes a choice outside mutate(): there is nothing to decide it"
            )
        options = list(candidates)
        if not options:
            raise MutationError(f"the mutator {self.label!r} chooses from no candidates; give at least one")
        return options[decide(self, options)]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.label!r})"


def mutated(graph: Graph, mutators: Sequence[Mutator], decide: Decide) -> Graph:
    """A copy of the graph, rewritten by the mutators in turn and checked after each.

    Raises:
        MutationError: a rewrite that the graph refuses, or that leaves it broken; it names the mutator.
    """
    token = _deciding.set(decide)
    try:
        for mutator in mutators:
            graph = graph.fork()
            graph.author = mutator.label
            try:
                mutator.mutate(graph)
                graph.validate()
            except GraphError as error:
                raise MutationError(f"mutator {mutator.label!r}: {error}") from error
            except Exception as error:
                error.add_note(f"in mutate() of the mutator {mutator.label!r}, a {type(mutator).__name__}")
                raise
    finally:
        _deciding.reset(token)
    return graph
