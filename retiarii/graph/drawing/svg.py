"""A graph as an SVG picture: no scripts, no fonts, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape, quoteattr

from retiarii.graph.drawing.caption import Caption, caption
from retiarii.graph.drawing.layout import Cluster, Rectangle, layout
from retiarii.graph.drawing.lines import Line, lines, number
from retiarii.graph.drawing.style import STYLE
from retiarii.graph.drawing.text import shortened, shown, width
from retiarii.graph.operation import CHOICES

if TYPE_CHECKING:
    from retiarii.graph.graph import Graph

_MARGIN = 24.0
_HEADING = 34.0
_HEADING_SIZE = 16.0
_HEADING_LENGTH = 60
_CLUSTER_SIZE = 12.5
_TITLE_LENGTH = 28
_TITLE_SIZE = 13.0
_TITLE_HEIGHT = 28.0
_LINE_SIZE = 11.0
_LINE_HEIGHT = 15.0
_PILL_SIZE = 10.0
_PILL_HEIGHT = 22.0
_SIDES = 24.0
_LEAST_WIDTH = 84.0


def svg(graph: Graph) -> str:
    """The picture of a graph as the text of an SVG file.

    Raises:
        GraphError: the graph has a cycle, or a reference to nothing.
    """
    captions = {name: caption(graph, name) for name in graph.records}
    titles = {path: _title(graph, path) for path in graph.scopes}
    sizes = {name: _size(said) for name, said in captions.items()}
    plan = layout(graph, sizes, {path: title.width for path, title in titles.items()})
    heading = shortened(shown(graph.name), _HEADING_LENGTH)
    wide = max(plan.width, width(heading, _HEADING_SIZE, bold=True)) + 2 * _MARGIN
    high = plan.height + 2 * _MARGIN + _HEADING
    choosing = {record.scope for record in graph.records.values() if isinstance(record.operation, CHOICES)}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="retiarii" width="{number(wide)}" height="{number(high)}" '
        f'viewBox="0 0 {number(wide)} {number(high)}" role="img">',
        f"<title>{escape(heading)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{number(wide)}" height="{number(high)}" rx="10"/>',
        _text(heading, _MARGIN, _MARGIN + 14, "heading"),
        f'<g transform="translate({number(_MARGIN)} {number(_MARGIN + _HEADING)})">',
        *[_cluster(cluster, titles[cluster.block.path], choosing) for cluster in plan.clusters],
        *[_edge(edge, line) for edge, line in lines(plan.routes).items()],
        *[_node(node, captions[node], rectangle) for node, rectangle in plan.nodes.items()],
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Title(NamedTuple):
    """The short name of a module and of its class."""

    name: str
    cls: str

    @property
    def width(self) -> float:
        return width(f"{self.name} {self.cls}", _CLUSTER_SIZE)


def _title(graph: Graph, path: str) -> _Title:
    name, cls = path.rpartition(".")[2], graph.scopes[path].rpartition(".")[2]
    return _Title(shortened(shown(name), _TITLE_LENGTH), shortened(shown(cls), _TITLE_LENGTH))


def _size(said: Caption) -> tuple[float, float]:
    """The width and height of the box of a node."""
    if said.kind == "tensor":
        return width(_pill(said), _PILL_SIZE) + _SIDES, _PILL_HEIGHT
    widths = [width(said.title, _TITLE_SIZE, bold=True), *[width(line, _LINE_SIZE) for line in said.lines]]
    return max(max(widths) + _SIDES, _LEAST_WIDTH), _TITLE_HEIGHT + _LINE_HEIGHT * len(said.lines)


def _pill(said: Caption) -> str:
    return " ".join([said.title, *said.lines])


def _cluster(cluster: Cluster, title: _Title, choosing: set[str]) -> str:
    block = cluster.block
    even = " even" if block.depth % 2 == 0 else ""
    chooses = " choosing" if block.path in choosing else ""
    return (
        f'<g class="cluster{even}{chooses}" data-scope={quoteattr(shown(block.path))}>'
        f"{_box(cluster.rectangle, 9)}"
        f'<text x="{number(cluster.title_x)}" y="{number(cluster.rectangle.y + 18)}">{escape(title.name)} '
        f'<tspan class="class">{escape(title.cls)}</tspan></text></g>'
    )


def _node(name: str, said: Caption, rectangle: Rectangle) -> str:
    has_round_ends = said.kind in ("input", "output", "tensor")
    undecided = " undecided" if said.undecided else ""
    return (
        f'<g class="node {said.kind}{undecided}" data-name={quoteattr(shown(name))}><title>{escape(said.hint)}</title>'
        f"{_box(rectangle, rectangle.height / 2 if has_round_ends else 6)}"
        f"{''.join(_texts(said, rectangle.x + rectangle.width / 2, rectangle.y))}</g>"
    )


def _box(rectangle: Rectangle, radius: float) -> str:
    x, y, wide, high = [number(side) for side in rectangle]
    return f'<rect x="{x}" y="{y}" width="{wide}" height="{high}" rx="{number(radius)}"/>'


def _texts(said: Caption, middle: float, top: float) -> Iterator[str]:
    if said.kind == "tensor":
        yield _text(_pill(said), middle, top + 15)
        return
    yield _text(said.title, middle, top + 18.5)
    for count, line in enumerate(said.lines, 1):
        yield _text(line, middle, top + 18 + _LINE_HEIGHT * count, "line")


def _text(text: str, x: float, y: float, kind: str = "") -> str:
    of_class = f' class="{kind}"' if kind else ""
    return f'<text{of_class} x="{number(x)}" y="{number(y)}">{escape(text)}</text>'


def _edge(edge: tuple[str, str], line: Line) -> str:
    source, target = [shown(name) for name in edge]
    x, y = line.end
    return (
        f'<g class="edge" data-from={quoteattr(source)} data-to={quoteattr(target)}>'
        f"<title>{escape(f'{source} → {target}')}</title>"
        f'<path d="{line.path}"/>'
        f'<path class="head" d="M{number(x)} {number(y)}l-4 -8h8z"/></g>'
    )
