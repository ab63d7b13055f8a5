"""The fidelity of one model: what tracing keeps of it."""

from __future__ import annotations

import copy
import random
import runpy
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

import numpy as np
import torch
from fidelity.outputs import equal
from fidelity.report import Report
from torch import nn
from zoo.model import Inputs, ZooModel

from retiarii.errors import OpaqueWarning
from retiarii.graph import Graph, trace

SEED = 0
T = TypeVar("T")


def measure(library: str, entry: ZooModel) -> Report:
    """The report of one model of the zoo."""
    report = Report(library, entry.name)
    started = time.perf_counter()
    seed()
    original = _attempt(report, "original", lambda: Original(entry.build(), entry.inputs()))
    if original is not None:
        _measure(original, report)
    report.seconds = round(time.perf_counter() - started, 2)
    return report


def seed() -> None:
    """Make everything random that a model may use start again."""
    torch.manual_seed(SEED)
    np.random.seed(SEED)
    random.seed(SEED)


class Original:
    """The model as its authors wrote it, what it computes, and the weights that every copy of it gets."""

    def __init__(self, module: nn.Module, inputs: Inputs) -> None:
        self.module = module
        self.inputs = inputs
        self.state = {name: value.clone() for name, value in module.state_dict().items()}
        self.evaluated = self.run(module, training=False)

    def run(self, module: nn.Module, *, training: bool) -> Any:
        """What a module returns with the original's weights; in training mode also its weights afterwards."""
        module.load_state_dict(self.state, strict=True)
        module.train(training)
        output = self.call(module)
        return (output, copy.deepcopy(module.state_dict())) if training else output

    def call(self, module: nn.Module) -> Any:
        """What a module returns as it is, from the example inputs and the seed."""
        inputs = copy.deepcopy(self.inputs)
        seed()
        with torch.no_grad():
            return module(**inputs) if isinstance(inputs, dict) else module(*inputs)


def _measure(original: Original, report: Report) -> None:
    module = original.module
    leaves = leaf_layers(module)
    report.leaf_layers = len(leaves)
    trained = _attempt(report, "original_train", lambda: original.run(module, training=True))
    report.plain_fx = _attempt(report, "plain_fx", lambda: _plain_fx(original)) is True
    graph = _trace(original, report)
    if graph is None:
        return
    opaque = [node for node in graph.nodes if node.is_opaque]
    report.opaque_nodes = len(opaque)
    inside = {id(part) for node in opaque for part in module.get_submodule(node.target or "").modules()}
    report.opaque_share = sum(id(leaf) in inside for leaf in leaves) / len(leaves) if leaves else 0.0
    report.json_equal = _attempt(report, "json", lambda: _json_equal(graph))
    report.code_equal = _attempt(report, "code", lambda: _code_equal(original, graph))
    rebuilt = _attempt(report, "build", graph.to_module)
    if rebuilt is None:
        return
    report.eval_equal = _attempt(report, "eval", lambda: _eval_equal(original, rebuilt))
    if trained is not None:
        report.train_equal = _attempt(report, "train", lambda: equal(trained, original.run(rebuilt, training=True)))


def leaf_layers(module: nn.Module) -> list[nn.Module]:
    """Modules without children that have parameters or are layers of `torch.nn`."""
    return [
        part
        for part in module.modules()
        if not any(part.children())
        and (any(True for _ in part.parameters()) or type(part).__module__.startswith("torch.nn."))
    ]


def _plain_fx(original: Original) -> bool:
    original.module.load_state_dict(original.state)
    seed()
    symbolic = torch.fx.symbolic_trace(copy.deepcopy(original.module).eval())
    return equal(original.evaluated, original.call(symbolic))


def _trace(original: Original, report: Report) -> Graph | None:
    original.module.load_state_dict(original.state)
    original.module.train()
    graph = _attempt(report, "trace", lambda: _recorded(original.module, None, report))
    if graph is not None:
        report.opaque_without_example = sum(node.is_opaque for node in graph.nodes)
    if graph is None or report.opaque_without_example or not _takes(graph, original.inputs):
        with_example = _attempt(report, "trace_example", lambda: _recorded(original.module, original.inputs, report))
        graph = with_example or graph
    report.traced = not report.problems.keys() & {"trace", "trace_example"}
    return graph


def _recorded(module: nn.Module, example: Inputs | None, report: Report) -> Graph:
    seed()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        graph: Graph = trace(module, example_inputs=copy.deepcopy(example))
    report.causes = [str(warning.message) for warning in caught if issubclass(warning.category, OpaqueWarning)]
    return graph


def _takes(graph: Graph, inputs: Inputs) -> bool:
    names = [node.name for node in graph.inputs]
    return set(inputs) <= set(names) if isinstance(inputs, dict) else len(inputs) <= len(names)


def _eval_equal(original: Original, rebuilt: nn.Module) -> bool:
    same = equal(original.evaluated, original.run(rebuilt, training=False))
    original.module.load_state_dict(rebuilt.state_dict(), strict=True)
    return same


def _json_equal(graph: Graph) -> bool:
    # Whatever the model has imported is trusted: it ran already.
    trusted = tuple({name.partition(".")[0] for name in sys.modules if not name.startswith("_")})
    return Graph.from_json(graph.to_json(), trusted=trusted).fingerprint() == graph.fingerprint()


def _code_equal(original: Original, graph: Graph) -> bool:
    code = graph.to_code()
    with tempfile.TemporaryDirectory() as folder, _without_this_project():
        path = Path(folder) / "written_model.py"
        path.write_text(code, encoding="utf-8")
        model: nn.Module = runpy.run_path(str(path))["Model"]()
        return equal(original.evaluated, original.run(model, training=False))


@contextmanager
def _without_this_project() -> Iterator[None]:
    """Let every import of this project fail."""
    ours = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "retiarii"}
    blocked = cast("dict[str, ModuleType]", dict.fromkeys(ours))
    sys.modules.update(blocked)
    try:
        yield
    finally:
        sys.modules.update(ours)


def _attempt(report: Report, stage: str, step: Callable[[], T]) -> T | None:
    try:
        return step()
    except Exception as error:  # noqa: BLE001  whatever the code of others raises is the finding
        report.problems[stage] = f"{type(error).__name__}: {error}"[:400]
        return None
