"""From the graph of a space and a sample to the graph of one model."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from retiarii.domain.nested import evaluate_nested
from retiarii.errors import SampleError
from retiarii.graph.combine import combined
from retiarii.graph.decide import decided, fallen_child
from retiarii.graph.graph import Graph
from retiarii.graph.node import Record
from retiarii.graph.operation import Combine, Select
from retiarii.graph.plan import Guard, Plan, Step
from retiarii.graph.values import Ref, map_argument, refs_of


def lower(graph: Graph, plan: Plan, sample: Mapping[str, Any]) -> Graph:
    """See `Graph.apply`."""
    tables = _Tables(plan, {path: fallen_child(choice, sample) for path, choice in graph.choices.items()})
    nodes = _nodes(plan, tables, sample)
    modules = {
        final: decided(spec, sample) if path in plan.undecided else spec
        for path, final, spec in tables.kept(graph.modules)
    }
    tensors = {final: spec for _, final, spec in tables.kept(graph.tensors)}
    scopes = {final: cls for path, final, cls in tables.kept(graph.scopes) if graph.choices.get(path) is None}
    repeats = [final for _, final, choice in tables.kept(graph.choices) if choice.kind == "repeat"]
    scopes.update(dict.fromkeys(repeats, "torch.nn.Sequential"))
    ties = {final: plan.finals.get(first, (first,))[0] for _, final, first in tables.kept(graph.ties)}
    return Graph(graph.name, nodes, modules, tensors, scopes, ties)


class _Tables:
    """Which of the paths of a space's graph are part of the model."""

    def __init__(self, plan: Plan, fallen: Mapping[str, Any]) -> None:
        self.plan = plan
        self.fallen = fallen
        self._held: dict[tuple[Guard, ...], bool] = {}

    def kept(self, table: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
        """Path, path in the model and entry, for what is part of the model."""
        finals, found = self.plan.finals, []
        for path, entry in table.items():
            known = finals.get(path)
            if known is None:
                found.append((path, path, entry))
            elif self.hold(known[1]):
                found.append((path, known[0], entry))
        return found

    def hold(self, guards: tuple[Guard, ...]) -> bool:
        """Whether all these choices fell so."""
        known = self._held.get(guards)
        if known is None:
            known = self._held[guards] = all(map(self._holds, guards))
        return known

    def _holds(self, guard: Guard) -> bool:
        fallen = self.fallen[guard[0]]
        return int(guard[1]) < fallen if type(fallen) is int else guard[1] == fallen


def _nodes(plan: Plan, tables: _Tables, sample: Mapping[str, Any]) -> dict[str, Record]:
    """The nodes that the output needs, and those that would be missed for what they do beside giving a value."""
    needed: set[str] = set()
    storages: set[str] = set()
    alias: dict[str, Any] = {}
    chosen: list[tuple[Step, Record]] = []
    for step in plan.steps:
        if step.name not in needed and not _stays(step, storages, tables):
            continue
        record, refs = step.record, step.refs
        operation = record.operation
        if isinstance(operation, Select | Combine):
            picked = _picked(operation, record, sample)
            refs = refs_of(picked)
            if isinstance(operation, Combine) and operation.reduction == "none":
                alias[step.name] = list(picked) or None
            elif len(picked) <= 1:
                alias[step.name] = picked[0] if picked else None
            else:
                record = Record(operation, picked, {}, record.scope, record.origin, record.mode)
        needed.update(refs)
        if plan.has_effects:
            storages.update([plan.roots[ref] for ref in refs])
        if step.name not in alias:
            chosen.append((step, record))
    return _written(chosen, alias, sample, plan.roots)


def _stays(step: Step, storages: set[str], tables: _Tables) -> bool:
    """Whether a node whose value nobody takes is part of the model all the same."""
    if step.stays == "always":
        return True
    if step.stays == "never" or (step.stays == "in place" and step.root not in storages):
        return False
    return tables.hold(step.guards)


def _picked(operation: Select | Combine, record: Record, sample: Mapping[str, Any]) -> tuple[Any, ...]:
    value: Any = operation.choice.evaluate(sample)
    if isinstance(operation, Combine):
        return tuple([record.args[index] for index in value])
    for key, arg in zip(operation.keys, record.args, strict=True):
        if key == value and type(key) is type(value):
            return (arg,)
    raise SampleError(f"{operation.choice!r} is {value!r}, not one of {list(operation.keys)}")


def _written(
    chosen: list[tuple[Step, Record]], alias: Mapping[str, Any], sample: Mapping[str, Any], taken: Container[str]
) -> dict[str, Record]:
    def final(leaf: Any) -> Any:
        while type(leaf) is Ref and leaf in alias:
            leaf = alias[leaf]
        return map_argument(final, leaf) if type(leaf) is list else leaf

    nodes: dict[str, Record] = {}
    for step, record in reversed(chosen):
        name = step.name
        if isinstance(record.operation, Combine):
            args = map_argument(final, record.args)
            nodes.update(combined(name, record, record.operation, args, taken))
            continue
        args, kwargs = record.args, record.kwargs
        if step.anew:
            args, kwargs = map_argument(final, args), map_argument(final, dict(kwargs))
        if step.symbolic:
            args, kwargs = evaluate_nested(args, sample), evaluate_nested(dict(kwargs), sample)
        if step.anew or step.symbolic:
            record = Record(record.operation, args, kwargs, record.scope, record.origin, record.mode)  # noqa: PLW2901
        nodes[name] = record
    return nodes
