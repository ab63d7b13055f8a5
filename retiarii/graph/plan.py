"""What can be known of a space's graph before a sample comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retiarii.domain.nested import contains_expression
from retiarii.graph.effects import is_effectful, is_random, storage_roots
from retiarii.graph.node import Record
from retiarii.graph.operation import CHOICES, Input, Layer, Output, Tensor
from retiarii.graph.spec import ChoiceSpec, LayerSpec, Spec
from retiarii.graph.values import Ref, leaves, refs_of

if TYPE_CHECKING:
    from retiarii.graph.graph import Graph

Guard = tuple[str, str]
"""The dotted path of a layer choice or repeat, and the name of the child that must be part of the model."""


@dataclass(slots=True)
class Step:
    """A node of a space's graph.

    Attributes:
        name, record: the node, with the paths that it has in the model.
        refs: the nodes whose values it takes, with repeats.
        anew: whether its arguments must be written anew for a sample, because they refer to choices.
        symbolic: whether its arguments hold expressions.
        stays: whether it is part of the model even if the output does not need it: "always" (inputs and the output),
            "random" (it draws from the generator), "in place" (it changes a tensor that is needed), or "never".
        root: what stands for the memory that it may change.
        guards: the choices inside which it stands.
    """

    name: str
    record: Record
    refs: list[Ref]
    anew: bool
    symbolic: bool
    stays: str
    root: str
    guards: tuple[Guard, ...]


@dataclass(slots=True)
class Plan:
    """See the module's docstring.

    Attributes:
        finals: for each dotted path under a choice, its path in the model, and the choices that must fall so.
        undecided: the modules whose description holds expressions.
        steps: the nodes, last first.
        roots: see `storage_roots`.
        has_effects: whether any step changes a tensor in place.
    """

    finals: dict[str, tuple[str, tuple[Guard, ...]]]
    undecided: frozenset[str]
    steps: list[Step]
    roots: dict[str, str]
    has_effects: bool


def make_plan(graph: Graph) -> Plan:
    """The plan of a space's graph."""
    scopes = {record.scope for record in graph.records.values()}
    paths = {*graph.modules, *graph.tensors, *graph.scopes, *graph.ties, *graph.ties.values(), *graph.choices, *scopes}
    finals = {path: final for path in paths if (final := _final(graph, path))[1]}
    undecided = frozenset(path for path, spec in graph.modules.items() if _is_undecided(spec))
    choosing = {name for name, record in graph.records.items() if isinstance(record.operation, CHOICES)}
    roots = storage_roots(graph)
    steps = []
    for name in reversed(graph.records):
        original = graph.records[name]
        record = _renamed(original, finals)
        refs = [*refs_of(record.args), *refs_of(dict(record.kwargs))]
        symbolic = contains_expression([*leaves(record.args), *leaves(dict(record.kwargs))])
        anew = not choosing.isdisjoint(refs)
        guards = finals.get(original.scope, ("", ()))[1]
        steps.append(Step(name, record, refs, anew, symbolic, _staying(graph, original), roots[name], guards))
    return Plan(finals, undecided, steps, roots, any(step.stays == "in place" for step in steps))


def _staying(graph: Graph, record: Record) -> str:
    if isinstance(record.operation, Input | Output):
        return "always"
    if is_effectful(graph, record):
        return "in place"
    return "random" if is_random(graph, record) else "never"


def _final(graph: Graph, path: str) -> tuple[str, tuple[Guard, ...]]:
    kept: list[str] = []
    guards: list[Guard] = []
    walked = ""
    for part in path.split(".") if path else ():
        choice = graph.choices.get(walked)
        if choice is not None:
            guards.append((walked, part))
        if choice is None or choice.kind != "layer":
            kept.append(part)
        walked = f"{walked}.{part}" if walked else part
    return ".".join(kept), tuple(guards)


def _renamed(record: Record, finals: Mapping[str, tuple[str, Any]]) -> Record:
    operation, scope = record.operation, record.scope
    if isinstance(operation, Layer | Tensor) and operation.target in finals:
        operation = type(operation)(finals[operation.target][0])
    if scope in finals:
        scope = finals[scope][0]
    if operation is record.operation and scope == record.scope:
        return record
    return Record(operation, record.args, record.kwargs, scope, record.origin, record.mode)


def _is_undecided(spec: Spec) -> bool:
    if isinstance(spec, LayerSpec):
        return contains_expression(dict(spec.arguments))
    if isinstance(spec, ChoiceSpec):
        return True
    return contains_expression(dict(spec.attributes)) or any(_is_undecided(child) for child in spec.children.values())
