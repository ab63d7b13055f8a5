"""Keys of samples by what their models compute."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from retiarii.domain import Sample, symbols_in
from retiarii.experiment.hidden import hidden_labels
from retiarii.experiment.joint import Joint
from retiarii.graph import Graph
from retiarii.graph.operation import Combine, Layer, Operation, Select, Tensor
from retiarii.graph.spec import ChoiceSpec, LayerSpec, Spec
from retiarii.graph.values import leaves
from retiarii.space import ModelSpace
from retiarii.space.variants import MOST_KEPT, SpaceGraph
from retiarii.strategies.digest import digest

_BYTES = 16
_MOST_KNOWN = 2**16
"""How many keys are remembered, because the same samples are asked about again and again."""


class ModelKeys:
    """A function of samples: equal for those whose models compute the same.

    A fingerprint says nothing of what a forward does not show: attributes of the model's modules, modules that training
    alone uses (a loss, an auxiliary head), and how weights start; so what the sample decides about these is part of
    the key, and in doubt samples are different. Where there is no graph the key is that of the sample, whose trial will
    show what is wrong.

    Args:
        joint: The space with the evaluator.
        space: The space.
    """

    def __init__(self, joint: Joint, space: ModelSpace) -> None:
        self._joint = joint
        self._space = space
        self._hidden = hidden_labels(space)
        self._graph: SpaceGraph | None = None
        self._has_graph = True
        self._known: dict[bytes, bytes] = {}
        self._labels_shown = lru_cache(maxsize=MOST_KEPT)(_labels_shown)

    def __call__(self, sample: Sample) -> bytes:
        mark = digest(sample)
        if mark not in self._known:
            if len(self._known) == _MOST_KNOWN:
                self._known.clear()
            found = self._found(sample)
            self._known[mark] = mark if found is None else found
        return self._known[mark]

    def _found(self, sample: Sample) -> bytes | None:
        """The key, or None where there is no graph."""
        if not self._has_graph:
            return None
        part = self._joint.part(sample)
        try:
            if self._graph is None:
                self._graph = self._space.graph
            fingerprint = self._graph.apply(part).fingerprint()
            unseen = self._unseen(self._graph, part)
        except Exception:  # noqa: BLE001  (whatever users' code raises here, the trial of this sample raises it, too)
            self._has_graph = self._graph is not None
            return None
        text = f"{fingerprint} {unseen} {self._joint.rest(sample)}"
        return blake2b(text.encode(), digest_size=_BYTES).digest()

    def _unseen(self, graph: SpaceGraph, part: Sample) -> Sample:
        """What of a sample may make a difference that the graph does not show."""
        traced = graph.undecided(part)
        shown = self._labels_shown(traced.graph) if traced is not None else part.keys()
        return {label: value for label, value in part.items() if label in self._hidden or label not in shown}


def _labels_shown(graph: Graph) -> frozenset[str]:
    """The labels that what a graph with open choices gives depends on, and nothing else."""
    called: set[str] = set()
    shown = {symbol.label for symbol in symbols_in([*_open(graph, called)])}
    aside = [spec for target, spec in graph.modules.items() if target not in called]
    return frozenset(shown - {symbol.label for spec in aside for symbol in symbols_in([*_open_inside(spec)])})


def _open(graph: Graph, called: set[str]) -> Iterator[Any]:
    """Nests of values that hold the expressions of a graph, of all that its output needs; notes the modules called."""
    yield [question for question, _ in graph.answers]
    waiting, entered = [graph.output.name], set()
    while waiting:
        name = waiting.pop()
        if name in entered:
            continue
        entered.add(name)
        record = graph.records[name]
        yield [record.args, dict(record.kwargs)]
        if isinstance(record.operation, Layer):
            called.add(record.operation.target)
        yield from _open_in_operation(graph, record.operation)
        waiting += record.refs


def _open_in_operation(graph: Graph, operation: Operation) -> Iterator[Any]:
    match operation:
        case Select(choice) | Combine(choice):
            yield choice
        case Layer(target):
            yield from _open_inside(graph.modules[target])
        case Tensor(target) if target in graph.tensors:
            yield graph.tensors[target].shape


def _open_inside(spec: Spec) -> Iterator[Any]:
    if isinstance(spec, ChoiceSpec):
        yield spec.choice
    elif isinstance(spec, LayerSpec):
        yield dict(spec.arguments)
        for leaf in leaves(dict(spec.arguments)):
            yield from _open_inside(leaf) if isinstance(leaf, Spec) else ()
    else:
        yield [dict(spec.attributes), [tensor.shape for tensor in spec.tensors.values()]]
    for child in spec.children.values():
        yield from _open_inside(child)
