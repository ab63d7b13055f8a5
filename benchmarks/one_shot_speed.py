"""What one-shot strategies cost, as ratios to plain PyTorch measured in the same run.

    python benchmarks/one_shot_speed.py [--repeats 20] [--batch 8 32] [--only sampled mixed memory epochs]
        [--compile eager aot_eager inductor] [--nni PYTHON]

- sampled: a step of RandomOneShot (following a sample, forward, backward, SGD with momentum) against the same step of
  the frozen models of the same samples, each with its own optimizer; of superkernels also against parts of weights that
  are taken by hand, because a frozen model has small weights and needs no parts.
- mixed: a first-order step of DARTS, and its forward alone, against the shortest that one can write for the same
  mixture: gradients of the architecture alone, then of the weights.
- memory: the bytes that autograd keeps for the architecture's gradients, against those of the drawn path.
- epochs: steps under the trainer of a search, hooks and all, against those of a plain module under Lightning's.
- `--compile`: compiled steps of DARTS against eager ones. Inductor takes minutes for its first step.
- `--nni`: the interpreter of an environment of its own with NNI 3.0, whose supernets take the same steps:

      python -m venv nni && nni/bin/pip install torch==2.13.0 nni==3.0 pytorch-lightning==2.6.6

Prints one JSON object a line. One torch thread; both sides take turns, step by step; ratios are of CPU time unless they
are called `wall_`; `ratio_of_minima` is what a limit is held against.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from one_shot.compiled import compiled_rows
from one_shot.epochs import epoch_rows
from one_shot.memory import memory_rows
from one_shot.mixtures import mixture_rows
from one_shot.sampled import sampled_rows

from retiarii.evaluators.quiet import quietly

PARTS = ("sampled", "mixed", "memory", "epochs")
SAMPLES, DRAWS, BATCHES = 4, 12, 24


def rows(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Everything that was asked for."""
    repeats, sizes = options.repeats, options.batch
    if "sampled" in options.only:
        yield from sampled_rows(sizes, repeats, SAMPLES)
    if "mixed" in options.only:
        yield from mixture_rows([4], sizes, repeats)
    if "memory" in options.only:
        yield from memory_rows(sizes[0], DRAWS)
    if "epochs" in options.only:
        yield from epoch_rows(sizes[0], BATCHES, max(1, repeats // 4))
    yield from compiled_rows(options.compile, sizes[0], repeats)
    if options.nni is not None:
        yield from nni_rows(options.nni, repeats, sizes)


def nni_rows(interpreter: str, repeats: int, sizes: list[int]) -> Iterator[dict[str, Any]]:
    """What another interpreter measures of NNI."""
    here = Path(__file__).parent
    command = [interpreter, "-W", "ignore", str(here / "one_shot" / "nni_steps.py"), str(repeats), *map(str, sizes)]
    environment = {**os.environ, "PYTHONPATH": str(here)}
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment).stdout
    yield from [json.loads(line) for line in printed.splitlines()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--batch", type=int, nargs="+", default=[8, 32], help="batch sizes")
    parser.add_argument("--only", nargs="*", default=PARTS, choices=PARTS)
    parser.add_argument("--compile", nargs="*", default=[], help="backends of torch.compile")
    parser.add_argument("--nni", help="an interpreter with NNI 3.0")
    torch.set_num_threads(1)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    with quietly():
        for row in rows(parser.parse_args()):
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
