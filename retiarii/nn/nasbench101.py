"""`NasBench101Cell`: the cell of NAS-Bench-101."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import nn

from retiarii.domain.expression import Call, Expression
from retiarii.domain.functions import condition
from retiarii.errors import SpaceError
from retiarii.graph.choose import combine, select
from retiarii.nn.answer import answer_of, is_tracing
from retiarii.nn.compound import Compound
from retiarii.nn.input_choice import InputChoice
from retiarii.nn.layer_choice import LayerChoice
from retiarii.nn.switch import Switch
from retiarii.nn.value_choice import ValueChoice

Factory = Callable[[Any], nn.Module]
FEWEST = 3


class NasBench101Cell(Compound):
    """A cell of few vertices and edges.

    Vertex 0 is the input and the last one the output. A vertex between applies one operation to the sum of what it
    takes; the output concatenates what it takes. A 1x1 projection stands wherever the input is taken, and a value with
    more channels than wanted loses the last ones. Vertices that are on no way from input to output are left out. In a
    sample, `<label>/num_nodes` is the number of vertices, `<label>/op<i>` the operation of a vertex, the index or key
    of a candidate, and `<label>/input<i>` the list of vertices that it takes.

    Source: Ying et al., "NAS-Bench-101: Towards Reproducible Neural Architecture Search", ICML 2019, section 2; NNI's
    `NasBench101Cell`.

    Shapes: (N, in_features, H, W) to (N, out_features, H, W).

    Args:
        op_candidates: functions of a number of channels that make a module, as a list or as a dict with text keys. The
            number is an undecided expression; it goes into layers and arithmetic.
        in_features: the channels of the input.
        out_features: the channels of the output, which the vertices before it share.
        projection: a function of `(in_features, out_features)` that makes a module.
        max_num_nodes: the largest number of vertices, at least 3.
        max_num_edges: the largest number of edges that are left between the vertices that are not left out.
        label: its name; without one, its path in the space.

    Attributes:
        requirements: what a sample has to fulfil: a way from input to output, and not too many edges.

    Raises:
        SpaceError: too small a number of vertices or edges.

    Example:
        >>> import torch
        >>> from retiarii import nn
        >>> operations = {
        ...     "conv": lambda channels: nn.Conv2d(channels, channels, 3, padding=1),
        ...     "pool": lambda channels: nn.MaxPool2d(3, 1, 1),
        ... }
        >>> cell = nn.NasBench101Cell(operations, 16, 32, lambda i, o: nn.Conv2d(i, o, 1), label="cell")
        >>> cell(torch.zeros(1, 16, 8, 8)).shape
        torch.Size([1, 32, 8, 8])
    """

    def __init__(  # noqa: PLR0917  the order of the predecessor, whose users give them by position
        self,
        op_candidates: Sequence[Factory] | Mapping[str, Factory],
        in_features: int,
        out_features: int,
        projection: Callable[[Any, Any], nn.Module],
        max_num_nodes: int = 7,
        max_num_edges: int = 9,
        label: str | None = None,
    ) -> None:
        super().__init__(label)
        for name, value, fewest in (("nodes", max_num_nodes, FEWEST), ("edges", max_num_edges, 1)):
            if type(value) is not int or value < fewest:
                raise SpaceError(
                    f"the NasBench101Cell {self.label!r} has max_num_{name}={value!r}; give a number from {fewest} on"
                )
        if type(out_features) is not int or out_features < max_num_nodes - 2:
            raise SpaceError(
                f"the NasBench101Cell {self.label!r} has out_features={out_features!r}, which up to "
                f"{max_num_nodes - 2} vertices share; give a whole number of at least as many"
            )
        self.last = max_num_nodes - 1
        self.num_nodes: Any = self.named(ValueChoice(range(2, max_num_nodes + 1)), "num_nodes")
        self.inputs = nn.ModuleDict()
        for vertex in range(1, max_num_nodes):
            self.inputs[str(vertex)] = self._input(vertex)
        self.wiring: Any = self._pruned()
        self.channels: Any = Call("vertex_channels", (in_features, out_features, self.wiring))
        edges = Call("edge_count", (self.wiring,))
        self.requirements = (edges >= 1, edges <= max_num_edges)
        self.projections, self.ops = nn.ModuleDict(), nn.ModuleDict()
        for vertex in range(1, max_num_nodes):
            takes_input = Call("contains", (self.wiring[vertex], 0))
            module = projection(in_features, self.channels[vertex])
            self.projections[str(vertex)] = Switch(takes_input, {True: module}, activity=self.num_nodes > vertex)
        for vertex in range(1, self.last):
            self.ops[str(vertex)] = self._operation(op_candidates, vertex)

    def _input(self, vertex: int) -> Switch:
        choice = self.named(InputChoice(vertex), f"input{vertex}")
        is_there = self.num_nodes > vertex
        return Switch(is_there, {True: choice}, activity=is_there)

    def _pruned(self) -> Expression:
        inputs = []
        for vertex in range(1, self.last + 1):
            choice = cast("Any", self.inputs[str(vertex)]).case(True)
            inputs.append(condition(self.num_nodes > vertex, choice.symbol, ()))
        return Call("pruned", (self.num_nodes, *inputs))

    def _operation(self, candidates: Any, vertex: int) -> Switch:
        channels = self.channels[vertex]
        named = candidates.items() if isinstance(candidates, Mapping) else enumerate(candidates)
        made = {name: make(channels) for name, make in named}
        listed = made if isinstance(candidates, Mapping) else list(made.values())
        choice = LayerChoice(cast("Any", listed), self.within(f"op{vertex}"))
        is_there = Call("len", (self.wiring[vertex],)) > 0
        return Switch(is_there, {True: self.named(choice, f"op{vertex}")}, activity=self.num_nodes > vertex + 1)

    def forward(self, x: Any) -> Any:
        wiring = self.wiring
        if not isinstance(wiring, Expression):
            return self._decided_forward(x, wiring, self.channels)
        if is_tracing():
            return self._undecided_forward(x)
        channels = answer_of(self, "channels", self.channels).value()
        return self._decided_forward(x, answer_of(self, "wiring", wiring).value(), channels)

    def undecided(self) -> Mapping[str, Expression]:
        return {"wiring": self.wiring, "channels": self.channels} if isinstance(self.wiring, Expression) else {}

    def _decided_forward(self, x: Any, wiring: Sequence[Sequence[int]], channels: Sequence[int]) -> Any:
        vertices = {0: x}
        for vertex in range(1, self.last):
            if wiring[vertex]:
                taken = [self._taken(vertices, source, vertex, channels) for source in wiring[vertex]]
                total = taken[0]
                for value in taken[1:]:
                    total = total + value
                vertices[vertex] = _of(self.ops, vertex, total)
        inner = [vertices[source] for source in wiring[self.last] if source != 0]
        parts = [inner[0] if len(inner) == 1 else torch.cat(inner, 1)] if inner else []
        if 0 in wiring[self.last]:
            parts.append(_of(self.projections, self.last, x))
        return parts[0] if len(parts) == 1 else parts[0] + parts[1]

    def _taken(self, vertices: Mapping[int, Any], source: int, vertex: int, channels: Sequence[int]) -> Any:
        if source == 0:
            return _of(self.projections, vertex, vertices[0])
        value = vertices[source]
        return value if channels[source] == channels[vertex] else value[:, : channels[vertex]]

    def _undecided_forward(self, x: Any) -> Any:
        vertices = [x]
        for vertex in range(1, self.last):
            options = [_of(self.projections, vertex, x)]
            for source in range(1, vertex):
                options.append(self._cut(vertices[source], source, vertex))
            total = combine(self.wiring[vertex], "sum", options, [0])
            vertices.append(_of(self.ops, vertex, total))
        taken = self.wiring[self.last]
        inner = Call("without", (taken, 0))
        concatenated = combine(inner, "concat", vertices, range(1, self.last))
        parts = condition(Call("contains", (taken, 0)), condition(Call("len", (inner,)) > 0, (0, 1), (1,)), (0,))
        return combine(parts, "sum", [concatenated, _of(self.projections, self.last, x)], [1])

    def _cut(self, value: Any, source: int, vertex: int) -> Any:
        is_wider = self.channels[source] > self.channels[vertex]
        return select(is_wider, (False, True), [value, value[:, : self.channels[vertex]]])


def _of(modules: nn.ModuleDict, vertex: int, value: Any) -> Any:
    module = modules[str(vertex)]
    return module({True: value}) if isinstance(module, Switch) else module(value)
