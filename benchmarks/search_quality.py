"""How well our strategies search, beside reference implementations on tables of trained networks.

    python benchmarks/search_quality.py nasbench_macro.csv.gz [--seeds 30] [--budgets 50 100 200 400] [--only NAME ...]
        [--jobs 2] [--cache FOLDER] [--plot FILE]

Tables are recognised by their columns: NAS-Bench-Macro (Su et al. 2021), NAS-Bench-201 (Dong and Yang 2020; latency of
HW-NAS-Bench, Li et al. 2021), and the evaluations of Intel's searches in Once-for-All MobileNetV3, on which a surrogate
is fitted first (the file of its spaces lies beside it).

Prints one JSON object a line: the mean of each algorithm at each budget with a bootstrap 95 % interval over seeds;
comparisons of ours with their references, where "worse" means that the interval of the difference excludes 0; and the
targets. With one objective the measure is regret, the accuracy of the best known network less that of the one chosen.
With two it is hypervolume, as a share of that of the table's front. With a surrogate both are relative to the real
evaluations, which a search may exceed. A sample that an algorithm evaluates again counts again.

Every run is one seed of one algorithm, all of it reproducible. The references want packages of their own:

    pip install --constraint constraints.txt --no-deps --requirement benchmarks/requirements-search.txt

With --cache their runs are kept in a folder, by name and seed; empty it when their versions change.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from quality.algorithms import ALGORITHMS
from quality.judgement import Judgement
from quality.plots import draw
from quality.runs import Plan
from quality.tasks import tasks_of

STEP = 10
"""Evaluations between two points of a plot."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark from the command line."""
    options = _parser().parse_args(arguments)
    os.environ["OMP_NUM_THREADS"] = "1"
    budgets = sorted(options.budgets)
    names = [name for name in ALGORITHMS if _is_meant(name, options.only)]
    between = range(STEP, budgets[-1] + 1, STEP) if options.plot is not None else ()
    plan = Plan(options.table, names, options.seeds, sorted({*between, *budgets}), options.cache)
    measures = {task.name: task.measure for task in tasks_of(options.table)}
    judgements = {
        task: (measures[task], Judgement([*runs], measures[task]))
        for task, runs in groupby(plan.runs(options.jobs), key=lambda run: run.task)
    }
    for _, judgement in judgements.values():
        _report(judgement, budgets)
    if options.plot is not None:
        draw(judgements, options.plot)


def _report(judgement: Judgement, budgets: Sequence[int]) -> None:
    comparisons = [*judgement.comparisons(budgets)]
    for row in [*judgement.results(budgets), *comparisons, *judgement.gates(comparisons)]:
        print(json.dumps(row), flush=True)


def _is_meant(name: str, only: Sequence[str]) -> bool:
    return not only or any(word == name if word in ALGORITHMS else word.lower() in name.lower() for word in only)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path, help="the file of a table")
    parser.add_argument("--seeds", type=int, default=30, help="runs of each algorithm (30)")
    parser.add_argument("--budgets", type=int, nargs="+", default=[50, 100, 200, 400], help="evaluations to judge at")
    parser.add_argument("--only", nargs="+", default=[], help="algorithms with these names, or parts of names")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--cache", type=Path, help="a folder that keeps the runs of references")
    parser.add_argument("--plot", type=Path, help="a picture of the curves goes here")
    return parser


if __name__ == "__main__":
    main()
