"""A graph as the text of a Mermaid flowchart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from retiarii.graph.drawing.blocks import enclosing
from retiarii.graph.drawing.caption import caption
from retiarii.graph.drawing.text import TIMES, shown
from retiarii.graph.views import to_networkx

if TYPE_CHECKING:
    from retiarii.graph.graph import Graph

_MEANING = re.compile(rf"(?<![^\W_])[-_]|[-_](?![^\W_])|[^\w ,=/→{TIMES}…-]")
_SHAPES = {"input": ("([", "])"), "output": ("([", "])"), "choice": ("{{", "}}"), "tensor": ("(", ")")}
_CLASSES = (
    "classDef layer fill:#e8f1fe,stroke:#6795d8,color:#1e293b",
    "classDef step fill:#ffffff,stroke:#94a3b8,color:#1e293b",
    "classDef input fill:#e2f5e9,stroke:#3d9b63,color:#1e293b",
    "classDef output fill:#e2f5e9,stroke:#3d9b63,color:#1e293b",
    "classDef choice fill:#fff0d5,stroke:#d9780b,stroke-width:2px,color:#1e293b",
    "classDef opaque fill:#f3effb,stroke:#8b6fc6,stroke-dasharray:5 3,color:#1e293b",
    "classDef tensor fill:#eef1f5,stroke:#b6c0cd,color:#1e293b,font-size:11px",
)


def mermaid(graph: Graph) -> str:
    """The text of a flowchart, with a subgraph for each module. Names occur in quoted text alone, never as syntax.

    Raises:
        GraphError: the graph has a reference to nothing.
    """
    ids = {name: f"n{count}" for count, name in enumerate(graph.records)}
    edges = [f"  {ids[source]} --> {ids[target]}" for source, target in to_networkx(graph).edges]
    lines = ["flowchart TD", *_members(graph, ids), *edges, *[f"  {line}" for line in _CLASSES]]
    return "\n".join(lines) + "\n"


def _members(graph: Graph, ids: dict[str, str]) -> Iterator[str]:
    """All nodes, each within the subgraphs of the modules that it is in."""
    inside: dict[str, list[str]] = {"": []}
    names: dict[str, list[str]] = {}
    for name in graph.records:
        paths = ("", *enclosing(graph, name))
        names.setdefault(paths[-1], []).append(name)
        for outer, inner in pairwise(paths):
            if inner not in inside:
                inside[inner] = []
                inside[outer].append(inner)
    numbers = {path: count for count, path in enumerate(inside)}

    def lines(path: str, indent: str) -> Iterator[str]:
        yield from (f"{indent}{_node(graph, name, ids[name])}" for name in names.get(path, []))
        for inner in inside[path]:
            title = f"{inner.rpartition('.')[2]} {graph.scopes[inner].rpartition('.')[2]}"
            yield f'{indent}subgraph s{numbers[inner]}["{_quoted(shown(title))}"]'
            yield from lines(inner, f"{indent}  ")
            yield f"{indent}end"

    yield from lines("", "  ")


def _node(graph: Graph, name: str, identifier: str) -> str:
    said = caption(graph, name)
    opening, closing = _SHAPES.get(said.kind, ("[", "]"))
    text = "<br/>".join([_quoted(line) for line in (said.title, *said.lines)])
    return f'{identifier}{opening}"{text}"{closing}:::{said.kind}'


def _quoted(text: str) -> str:
    """Text in which nothing has a meaning to Mermaid, to HTML or to Markdown."""
    return _MEANING.sub(lambda found: f"#{ord(found[0])};", text)
