"""The graph as a `networkx` graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx

from retiarii.errors import GraphError
from retiarii.graph.spec import LayerSpec, OpaqueSpec
from retiarii.graph.values import Ref, refs_of

if TYPE_CHECKING:
    from retiarii.graph.graph import Graph
    from retiarii.graph.node import Record


def to_networkx(graph: Graph) -> networkx.DiGraph[str]:
    """The nodes and edges of a graph, in its order; nothing that is done to them changes the graph.

    Each node has `operation` (a few words), `scope`, `origin`, `label` (of its choice, or None) and `cls` (the import
    path of the class of the module that it calls, or None). Each edge, from a node to one that takes its value, has
    `position`: the number or the keyword of the first argument that holds the value.

    Raises:
        GraphError: a node takes the value of one that is not there.
    """
    view: networkx.DiGraph[str] = networkx.DiGraph(name=graph.name)
    for node in graph.nodes:
        spec = node.spec
        view.add_node(
            node.name,
            operation=graph.describe(node.name),
            scope=node.scope,
            origin=node.origin,
            label=node.label,
            cls=spec.cls if isinstance(spec, LayerSpec | OpaqueSpec) else None,
        )
    for name, record in graph.records.items():
        for position, ref in _taken(record):
            if ref not in graph.records:
                raise GraphError(f"node {name!r} takes the value of {str(ref)!r}, which is not in the graph")
            if not view.has_edge(ref, name):
                view.add_edge(str(ref), name, position=position)
    return view


def _taken(record: Record) -> list[tuple[int | str, Ref]]:
    arguments: list[tuple[int | str, object]] = [*enumerate(record.args), *record.kwargs.items()]
    return [(position, ref) for position, argument in arguments for ref in refs_of(argument)]
