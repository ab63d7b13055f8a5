"""What the box of a node says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retiarii.domain.expression import Expression
from retiarii.graph.drawing.layer import layer_words, written
from retiarii.graph.drawing.text import TIMES, shortened, shown
from retiarii.graph.operation import (
    Attribute,
    ByMode,
    Combine,
    Function,
    Input,
    Layer,
    Method,
    Operation,
    Output,
    Select,
    Tensor,
    Training,
)
from retiarii.graph.spec import LayerSpec, OpaqueSpec
from retiarii.graph.values import Ref, leaves

if TYPE_CHECKING:
    from retiarii.graph.graph import Graph
    from retiarii.graph.node import Record

_TITLE = 32
_LINE = 40
_LINES = 3
_MORE = 12
_HINT = 400
_MODES = {True: "in training only", False: "in evaluation only"}


@dataclass(frozen=True, slots=True)
class Caption:
    """What the box of a node says.

    Attributes:
        kind: "input", "output", "layer", "opaque", "choice", "tensor" or "step".
        title: a short name.
        lines: what the node is.
        undecided: a layer with arguments that are still to be chosen.
        hint: more of it on a few lines, to be shown on demand.
    """

    kind: str
    title: str
    lines: tuple[str, ...]
    undecided: bool
    hint: str


def caption(graph: Graph, name: str) -> Caption:
    """What the box of the node of this name says. Free of control characters, but not escaped."""
    record = graph.records[name]
    kind, title, lines = _words(graph, name, record)
    if record.mode is not None:
        lines = [*lines, _MODES[record.mode]]
    spec = graph[name].spec
    reason = spec.reason if isinstance(spec, OpaqueSpec) else ""
    hint = [name, graph.describe(name), f"in {record.scope}" if record.scope else "", reason]
    return Caption(
        kind=kind,
        title=shortened(shown(title), _TITLE),
        lines=tuple([shortened(shown(line), _LINE) for line in lines if line]),
        undecided=isinstance(spec, LayerSpec) and any(isinstance(leaf, Expression) for leaf in _arguments(spec)),
        hint="\n".join([shortened(shown(line), _HINT) for line in hint if line]),
    )


def _words(graph: Graph, name: str, record: Record) -> tuple[str, str, list[str]]:
    """The kind, the title and the lines."""
    match record.operation:
        case Input(default):
            return "input", name, [f"input, else {written(default[0])}" if default else "input"]
        case Output():
            return "output", "output", []
        case Layer(target):
            spec = graph.modules[target]
            return "opaque" if isinstance(spec, OpaqueSpec) else "layer", _last(target), [layer_words(spec)]
        case Tensor(target):
            tensor = graph.tensors[target]
            return "tensor", _last(target), [TIMES.join([str(size) for size in tensor.shape]) or "scalar"]
        case Select(choice, keys):
            return "choice", _label(choice), _wrapped([written(key) for key in keys])
        case Combine(choice, reduction):
            made = "" if reduction == "none" else f", {reduction}"
            return "choice", _label(choice), [f"some of {len(record.args)}{made}"]
        case operation:
            return "step", _title(operation), [_constants(record)]


def _title(operation: Operation) -> str:
    match operation:
        case Function(path):
            return _last(path)
        case Method(name) | Attribute(name):
            return f".{name}"
        case Training():
            return "in training?"
        case ByMode():
            return "training | evaluation"
    return type(operation).__name__.lower()


def _constants(record: Record) -> str:
    """The arguments of a call that are not the values of other nodes."""
    positional = [written(leaf) for argument in record.args for leaf in leaves(argument) if type(leaf) is not Ref]
    named = [
        f"{key}={written(value)}"
        for key, value in record.kwargs.items()
        if not any(type(leaf) is Ref for leaf in leaves(value))
    ]
    return ", ".join([*positional, *named])


def _label(choice: Expression) -> str:
    return ", ".join([str(label) for label in choice.labels])


def _wrapped(keys: Sequence[str]) -> list[str]:
    """Keys with bars between them, on a few lines."""
    lines: list[str] = []
    for count, key in enumerate([shortened(key, _LINE - _MORE) for key in keys]):
        room = _LINE - _MORE if len(lines) == _LINES else _LINE
        if lines and len(lines[-1]) + len(" | ") + len(key) <= room:
            lines[-1] = f"{lines[-1]} | {key}"
        elif len(lines) < _LINES:
            lines.append(key)
        else:
            return [*lines[:-1], f"{lines[-1]} … {len(keys) - count} more"]
    return lines


def _arguments(spec: LayerSpec) -> Iterable[Any]:
    return leaves(dict(spec.arguments))


def _last(path: str) -> str:
    return path.rpartition(".")[2] or path
