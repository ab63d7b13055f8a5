"""The graph of a space, and the graphs of its models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from torch import nn

from retiarii.domain.arithmetic import resolving
from retiarii.domain.constraint import Constraint
from retiarii.domain.domain import Domain
from retiarii.domain.expression import Expression
from retiarii.errors import SpaceError
from retiarii.graph import Graph
from retiarii.graph.tracing import Examples, trace
from retiarii.graph.turns import TURN
from retiarii.space.decisions import undecided
from retiarii.space.exploration import Replay, explore
from retiarii.space.mutator import Mutator, mutated
from retiarii.space.requirements import as_constraint
from retiarii.space.ways import Explored

if TYPE_CHECKING:
    from retiarii.domain.value import Sample
    from retiarii.graph.values import Argument

Answer = tuple[Expression, Any]
MOST_KEPT = 256
"""How many traces a space keeps; a forward may look at more choices than there is memory for all their answers."""


class SpaceGraph(Graph):
    """The graph of a whole space, choices included.

    Attributes:
        variants: what knows of the other forms that the forward can take; None once this graph is rewritten.
    """

    __slots__ = ("variants",)

    variants: Variants | None

    def fork(self) -> Self:
        """See `Graph.fork`."""
        twin = super().fork()
        twin.variants = self.variants
        return twin

    def touch(self) -> None:
        """See `Graph.touch`."""
        super().touch()
        self.variants = None

    def update(self, name: str, arguments: Mapping[str, Argument]) -> None:
        """See `Graph.update`."""
        super().update(name, arguments)
        self.variants = None

    def undecided(self, sample: Mapping[str, Any]) -> Traced | None:
        """The graph with open choices that the sample's model is made from; None where mutators make it of that.

        Args:
            sample: of the space, without labels of inactive choices.
        """
        if self.variants is None:
            return Traced(self.answers, self)
        return None if self.variants.mutators else self.variants.traced(sample)

    def apply(self, sample: Mapping[str, Any]) -> Graph:
        """The graph of the one model that the sample decides, after the space's mutators.

        Raises:
            SampleError: the sample is not of this space.
            MutationError: a mutator leaves the graph broken.
            GraphError: this graph was rewritten by hand, and the forward looks at a choice that the sample decides
                otherwise.
        """
        if self.variants is not None:
            return self.variants.model_graph(sample)
        return super().apply(sample)


@dataclass(slots=True)
class _Question:
    """What a forward asks next, and how it goes on after each answer."""

    asked: Expression
    after: dict[Any, _Question | Traced] = field(default_factory=dict)


@dataclass(slots=True)
class Traced:
    """A trace of a space.

    Attributes:
        answers: what the forward was told of its choices, in the order in which it asked.
        graph: its graph, which is right where all these answers are.
    """

    answers: tuple[Answer, ...]
    graph: Graph


class Variants:
    """Traces a space once, and once more for each answer that a forward gets when it looks at a choice itself.

    Args:
        module: the space, or the model that mutators rewrite.
        domain: the choices of the module itself.
        mutators: what rewrites the graph of each model, in this order.
        examples: inputs to trace along, if any.
        rules: what samples must keep, beside what modules require.
    """

    def __init__(
        self,
        module: nn.Module,
        domain: Domain,
        mutators: Sequence[Mutator],
        examples: Examples | None,
        rules: Sequence[Expression | Constraint] = (),
    ) -> None:
        self.module = module
        self.mutators = tuple(mutators)
        self.examples = examples
        self._own = domain
        self._rules = rules
        self._defaults = {label: choice.default for label, choice in domain.choices.items()}
        self._explored: Explored | None = None
        self._domain: Domain | None = None
        self._first: _Question | Traced | None = None
        self._kept = 0

    @property
    def graph(self) -> SpaceGraph:
        """The graph of the whole space."""
        traced = self.traced(self._own.default())
        graph = traced.graph.fork()
        whole = SpaceGraph(
            graph.name, graph.records, graph.modules, graph.tensors, graph.scopes, graph.ties, graph.choices
        )
        whole.variants, whole.answers = self, traced.answers
        return whole

    # not cached_property, which lets one thread wait for the spaces of another, and so for its tracing

    @property
    def explored(self) -> Explored:
        """The decisions of the mutators."""
        if self._explored is None:
            self._explored = explore(self._lowered, self._own, self.mutators)
        return self._explored

    @property
    def domain(self) -> Domain:
        """The choices of the module and of the mutators, with all that samples must keep.

        Raises:
            SpaceError: one label for both.
        """
        if self._domain is None:
            whole = self._with_mutators() if self.mutators else self._own
            self._domain = whole.constrained(*map(as_constraint, self._rules)) if self._rules else whole
        return self._domain

    def constrain(self, rule: Expression | Constraint) -> None:
        """Samples must keep this, too."""
        self._domain = self.domain.constrained(as_constraint(rule))

    def _with_mutators(self) -> Domain:
        own, explored = self._own, self.explored
        for label in [choice.label for choice in explored.choices]:
            if label in own.choices:
                raise SpaceError(
                    f"a mutator and the model both have a choice {label!r}: give the mutator another label"
                )
        conditions = {**own.conditions, **explored.conditions}
        return Domain([*own.choices.values(), *explored.choices], conditions, own.constraints)

    def model_graph(self, sample: Mapping[str, Any]) -> Graph:
        """See `SpaceGraph.apply`."""
        return self.made(self.domain.canonical(sample))

    def made(self, decided: Sample) -> Graph:
        """The graph of a canonical sample, whether or not that keeps the constraints."""
        graph = self._lowered(decided)
        return mutated(graph, self.mutators, Replay(self.explored, decided)) if self.mutators else graph

    def _lowered(self, sample: Sample) -> Graph:
        return self.traced(sample).graph.apply(sample)

    def traced(self, sample: Mapping[str, Any]) -> Traced:
        """The trace in which the forward got the answers that this sample gives."""
        decided = {**self._defaults, **sample}  # candidates that are not chosen are traced too, and may ask
        found = self._known(decided)
        if found is not None:
            return found
        with TURN:
            return self._known(decided) or self._trace(decided)

    def _known(self, decided: Mapping[str, Any]) -> Traced | None:
        found = self._first
        while isinstance(found, _Question):
            found = found.after.get(found.asked.evaluate(decided))
        return found

    def _trace(self, decided: Mapping[str, Any]) -> Traced:
        given: list[Answer] = []

        def resolve(question: Expression) -> Any:
            answer = question.evaluate(decided)
            given.append((question, answer))
            return answer

        with resolving(resolve), undecided(self.module):
            graph = trace(self.module, self.examples)
        traced = Traced(tuple(given), graph)
        if self._kept == MOST_KEPT:
            self._first, self._kept = None, 0
        self._first, self._kept = _with(self._first, traced), self._kept + 1
        return traced


def _with(first: _Question | Traced | None, traced: Traced) -> _Question | Traced:
    """The same questions, with one more trace at the end of its answers."""
    if not traced.answers:
        return traced
    top = first if isinstance(first, _Question) else _Question(traced.answers[0][0])
    place = top
    for (_, answer), (question, _) in zip(traced.answers, traced.answers[1:], strict=False):
        below = place.after.get(answer)
        if not isinstance(below, _Question):
            below = place.after[answer] = _Question(question)
        place = below
    place.after[traced.answers[-1][1]] = traced
    return top
