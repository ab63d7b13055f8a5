"""A picture of a graph, as a file."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from retiarii.graph.drawing.mermaid import mermaid
from retiarii.graph.drawing.svg import svg

if TYPE_CHECKING:
    from retiarii.graph.graph import Graph


def _markdown(graph: Graph) -> str:
    return f"```mermaid\n{mermaid(graph)}```\n"


_FORMATS: Mapping[str, Callable[[Graph], str]] = {".svg": svg, ".mmd": mermaid, ".md": _markdown}


def draw(graph: Graph, path: str | pathlib.Path) -> pathlib.Path:
    """Write a picture of a graph: SVG for a name that ends in `.svg`, Mermaid text for `.mmd` or `.md`.

    The same graph always gives the same bytes.

    Returns:
        The path of the file.

    Raises:
        ValueError: another ending.
        GraphError: the graph has a cycle, or a reference to nothing.
    """
    target = pathlib.Path(path)
    ending = target.suffix.lower()
    if ending not in _FORMATS:
        raise ValueError(f"can't draw to {target.name!r}: its ending is {ending!r}, and .svg, .mmd and .md are known")
    target.write_text(_FORMATS[ending](graph), encoding="utf-8", newline="\n")
    return target
