"""What engines and experiments cost, as ratios to named peers measured in the same run.

    python benchmarks/engine_overhead.py [--only engines durable ...] [--repeats 5] [--full] [--directory DIRECTORY]

Trials decide 12 choices of 4, and evaluating one is next to no work. There are two workers.

- engines: a trial in each engine, without strategy and record, beside `ProcessPoolExecutor`, loky and joblib.
- ray: the same of RayEngine beside tasks of Ray, in one local cluster, all of whose processes are counted.
- durable: a trial of a whole search, recorded on disk, beside optuna with SQLite, asked and told.
- growth: what a trial costs after 20,000 trials against after 500 of the same search.
- efficiency: the use of two workers by trials of a second, of sleep and of CPU time; and how soon the first one runs.
- memory: what the process of a search holds after 1,000 trials and after 20,000, with --full 100,000.
- resume: how soon a search of 10,000 trials goes on, with --full 100,000, and how soon its record is read.
- imports: a trial in a worker beside a process of its own that imports torch; `import retiarii` beside `import torch`.

Prints one JSON object a line. Sides are measured in turns, in an order drawn anew each time; times are of CPU, over all
processes that take part, unless they are called `wall`; `ratio_of_minima` is what a limit is held against. Efficiency
by trials of CPU time wants two free cores, and everything that is `wall` a quiet machine: see `load`. The packages of
peers, beside those of the project's extras:

    pip install --constraint constraints.txt --no-deps --requirement benchmarks/requirements-search.txt
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from engines.durable import durable_rows, growth_rows
from engines.efficiency import efficiency_rows, start_rows
from engines.imports import import_rows
from engines.memory import LONG, SHORT, memory_rows
from engines.messages import engine_rows, ray_rows
from engines.resumption import resume_rows
from engines.subject import load

Rows = Iterator[dict[str, Any]]

SCALE = 4


def parts(options: argparse.Namespace) -> Mapping[str, Callable[[], Rows]]:
    """What can be measured, by name."""
    directory, repeats, full = options.directory, options.repeats, options.full
    scale, few = (SCALE, repeats) if full else (1, min(repeats, 2))
    return {
        "engines": lambda: engine_rows(repeats, scale),
        "ray": lambda: ray_rows(repeats, scale),
        "durable": lambda: durable_rows(directory, repeats, scale),
        "growth": lambda: growth_rows(directory, few),
        "efficiency": lambda: chain(start_rows(few), efficiency_rows(directory, 40 if full else 8, few)),
        "memory": lambda: memory_rows(directory, LONG if full else SHORT),
        "resume": lambda: resume_rows(directory, LONG[-1] if full else SHORT[-1]),
        "imports": lambda: import_rows(repeats),
    }


def main() -> None:
    """Measure what was asked for, and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="PART", help="parts to measure")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--full", action="store_true", help="more trials; takes an hour rather than minutes")
    parser.add_argument("--directory", type=Path, default=Path(), help="where records are written, on a real disk")
    options = parser.parse_args()
    options.directory = options.directory.absolute()
    known = parts(options)
    if unknown := {*(options.only or ())} - {*known}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    for name in options.only or known:
        print(json.dumps({"part": name, "load": load(), "cores": len(os.sched_getaffinity(0))}), flush=True)
        for row in known[name]():
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
