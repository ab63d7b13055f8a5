"""From a module to its graph: `torch.fx` records what a forward does; what it can't record stays one opaque node."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import fx, nn

from retiarii.errors import OpaqueWarning
from retiarii.graph.choose import current_tracer
from retiarii.graph.convert import to_graph
from retiarii.graph.example import ExampleTracer
from retiarii.graph.graph import Graph
from retiarii.graph.state import modes
from retiarii.graph.structure import flat, map_structure
from retiarii.graph.tracer import GraphTracer, Opaque
from retiarii.graph.turns import TURN, at_once

Examples = tuple[Any, ...] | Mapping[str, Any]
Recorded = tuple[GraphTracer, fx.Graph]


def trace(module: nn.Module, example_inputs: Examples | None = None) -> Graph:
    """The graph of what `module.forward` does.

    Arguments of `forward` that have a default of None, True, False or text, and are not given as an example, keep
    that default: the graph has no such input. Without examples, inputs are taken to be tensors.

    A library may have a path of its own for graph capture (it asks `torch.compiler.is_compiling()`). That path is
    taken only with examples, where the usual one can't be followed, and only if it gives exactly the same result for
    them in evaluation mode.

    Args:
        module: any module. It is left as it was.
        example_inputs: inputs such as `forward` gets, positional as a tuple or by name as a mapping. Only their
            structure, shapes and types count. With them, sizes, lengths and loops over them can be followed.

    Returns:
        A graph that never lacks a part: a submodule whose forward can't be followed (it looks at the values of
        tensors, say) is one opaque node, and an `OpaqueWarning` names it and the reason.
    """
    if example_inputs is None:
        tracer, recorded = _without_examples(module)
        graph = to_graph(tracer, module, recorded)
    else:
        with TURN:
            tracer, graph = _along_examples(module, example_inputs)
    for opaque in tracer.opaque.values():
        warnings.warn(_message(opaque), OpaqueWarning, stacklevel=2)
    return graph


def _without_examples(module: nn.Module) -> Recorded:
    """Numbers that `forward` has as defaults stay inputs, unless they decide control flow."""
    tracer = GraphTracer()
    recorded = tracer.record(module)
    if "" not in tracer.opaque:
        return tracer, recorded
    second = GraphTracer()
    second.keep_numbers = False
    again = second.record(module)
    return (tracer, recorded) if "" in second.opaque else (second, again)


def _along_examples(module: nn.Module, examples: Examples) -> tuple[GraphTracer, Graph]:
    tracer = ExampleTracer(examples)
    graph = to_graph(tracer, module, tracer.record(module))
    if not tracer.opaque:
        return tracer, graph
    second = ExampleTracer(examples)
    recorded = _recorded_for_capture(second, module)
    if not second.opaque.keys() < tracer.opaque.keys() and "" not in tracer.opaque:
        return tracer, graph
    if "" in second.opaque:
        return tracer, graph
    again = to_graph(second, module, recorded)
    return (second, again) if _same_results(module, again, examples) else (tracer, graph)


def _recorded_for_capture(tracer: GraphTracer, module: nn.Module) -> fx.Graph:
    """The recorded forward, where libraries are told that a graph is being captured."""
    asked = torch.compiler.is_compiling
    torch.compiler.is_compiling = lambda: current_tracer() is tracer or asked()
    try:
        return tracer.record(module)
    finally:
        torch.compiler.is_compiling = asked


def _same_results(module: nn.Module, graph: Graph, examples: Examples) -> bool:
    """Whether the graph computes exactly what the module does, for the examples in evaluation mode."""
    as_before = at_once(modes(module))
    try:
        module.train(False)
        with torch.no_grad():
            expected = _called(module, examples)
            found = _called(graph.to_module(module).train(False), examples)
    except Exception:  # noqa: BLE001  whatever fails here, the other graph is the one to take
        return False
    finally:
        as_before()
    pairs = zip(flat(expected), flat(found), strict=False)
    return len(list(flat(expected))) == len(list(flat(found))) and all(_equal(a, b) for a, b in pairs)


def _called(module: nn.Module, examples: Examples) -> Any:
    given = map_structure(lambda leaf: leaf.clone() if isinstance(leaf, torch.Tensor) else leaf, examples)
    return module(**given) if isinstance(given, Mapping) else module(*given)


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor):
        return left.shape == right.shape and torch.allclose(left, right, rtol=0, atol=0, equal_nan=True)
    return type(left) is type(right)


def _message(opaque: Opaque) -> str:
    where = repr(opaque.path) if opaque.path else "the whole model"
    return f"{where} ({opaque.cls}) stays one opaque node: {opaque.reason}"
