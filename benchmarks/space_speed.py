"""How fast spaces and graphs are, as ratios to named peers measured in the same run.

    python benchmarks/space_speed.py [--repeats 15]

Prints one JSON object a line. CPU time, one torch thread; `ratio_of_minima` is what the limit is held against.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

import networkx
import numpy as np
import torch
from speed.networks import MobileNetV2, MobileSpace, ResNet18
from speed.ratios import Pair, import_seconds, measured
from torch import fx, nn

from retiarii.domain import Categorical, Domain
from retiarii.graph import Graph, trace
from retiarii.strategies import Random

TRACE, SAMPLE, MUTATE, FINGERPRINT, SHARE, IMPORT, GROWTH = 1.5, 1 / 50, 1 / 100, 1 / 4, 1 / 4, 1.3, 1.25
EARLY, LATE = 1_000, 100_000


def graph_pairs(name: str, model: nn.Module) -> Iterator[Pair]:
    """What is measured on one traced network."""
    recorded = fx.symbolic_trace(model)
    graph = trace(model)
    first = graph.find(op=nn.Conv2d)[1].name
    view = as_networkx(recorded)

    def fork_and_mutate() -> None:
        graph.fork()[first].update(kernel_size=5)

    def fresh_fingerprint() -> str:
        return graph.fork().fingerprint() if forget(graph) else ""

    yield Pair(
        f"{name}: trace", TRACE, lambda: trace(model), lambda: fx.symbolic_trace(model), "torch.fx.symbolic_trace"
    )
    yield Pair(
        f"{name}: fork and mutate", MUTATE, fork_and_mutate, lambda: copy.deepcopy(recorded.graph), "deepcopy(fx.Graph)"
    )
    yield Pair(
        f"{name}: fingerprint",
        FINGERPRINT,
        fresh_fingerprint,
        lambda: networkx.weisfeiler_lehman_graph_hash(view, node_attr="what", iterations=3),
        "networkx Weisfeiler-Lehman, 3 iterations",
    )
    yield Pair(
        f"{name}: module with shared weights",
        SHARE,
        lambda: graph.to_module(model),
        lambda: copy.deepcopy(recorded),
        "deepcopy(GraphModule)",
    )


def forget(graph: Graph) -> bool:
    """Let the graph compute its fingerprint anew."""
    graph.touch()
    return True


def as_networkx(recorded: fx.GraphModule) -> networkx.DiGraph[str]:
    """The graph that fx recorded, as the peer takes it."""
    view: networkx.DiGraph[str] = networkx.DiGraph()
    for node in recorded.graph.nodes:
        view.add_node(node.name, what=str(node.target))
        view.add_edges_from((used.name, node.name) for used in node.all_input_nodes)
    return view


def space_pairs() -> Iterator[Pair]:
    """What is measured on a space."""
    space = MobileSpace()
    rng = np.random.default_rng(0)
    samples = itertools.cycle([space.domain.random(rng) for _ in range(200)])
    graph = space.graph
    yield Pair(
        "MobileNetV2 space: graph of a sample", SAMPLE, lambda: graph.apply(next(samples)), MobileNetV2, "MobileNetV2()"
    )


def growth() -> dict[str, Any]:
    """The cost of a proposal among many, against among few; 30 choices of 4."""
    domain = Domain([Categorical(f"choice{index}", tuple(range(4))) for index in range(30)])
    strategy = Random()
    strategy.bind(domain, {"metric": "maximize"}, 0)
    times = []
    for _ in range(LATE):
        begin = time.process_time_ns()
        strategy.ask()
        times.append(time.process_time_ns() - begin)
    early, late = np.median(times[:EARLY]), np.median(times[-EARLY:])
    ratio = float(late / early)
    return {
        "what": f"a random sample after {LATE} against after {EARLY}",
        "median_ratio": round(ratio, 3),
        "limit": GROWTH,
        "holds": ratio <= GROWTH,
        "us": late / 1e3,
    }


def first_of_grid() -> dict[str, Any]:
    """How long the first of 10^12 samples takes."""
    domain = Domain([Categorical(f"choice{index}", tuple(range(10))) for index in range(12)])
    begin = time.process_time()
    next(domain.grid())
    return {"what": f"first sample of a grid of {domain.size:.0e}", "us": round((time.process_time() - begin) * 1e6, 1)}


def imports() -> dict[str, Any]:
    """What importing costs."""
    nothing = subprocess.run(
        [sys.executable, "-c", "import retiarii, sys; print('torch' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    ours, theirs = import_seconds("import retiarii.nn", 5), import_seconds("import torch", 5)
    return {
        "what": "import retiarii.nn",
        "against": "import torch",
        "ratio_of_minima": round(ours / theirs, 3),
        "limit": IMPORT,
        "holds": ours / theirs <= IMPORT,
        "import_retiarii_imports_torch": nothing.stdout.strip() == "True",
    }


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="The hashes produced for directed graphs changed")
    pairs = itertools.chain(
        graph_pairs("ResNet-18", ResNet18()), graph_pairs("MobileNetV2", MobileNetV2()), space_pairs()
    )
    for pair in pairs:
        print(json.dumps(measured(pair, repeats)), flush=True)
    for other in (growth(), first_of_grid(), imports()):
        print(json.dumps(other), flush=True)


if __name__ == "__main__":
    main()
