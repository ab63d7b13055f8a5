"""What asking and telling strategies costs, as ratios to named peers measured in the same run.

    python benchmarks/strategy_overhead.py [--repeats 5] [--only NAME ...]

The domain has ten choices of 4 and two numbers from 0 to 1. Each strategy is measured after 100, 500, 1,000, 10,000 and
100,000 trials, bare and with deduplication round it as in an experiment, and told every trial twice. Peers hold their
trials in memory, fewer of them where they are slow. What it takes to make trials, or to evaluate them, is not counted.

Prints one JSON object a line: microseconds of CPU time of each, then ratios with their limits; `ratio_of_minima` is
what a limit is held against. Everything is measured in turns, in an order drawn anew each time. The packages of peers:

    pip install --constraint constraints.txt --no-deps --requirement benchmarks/requirements-search.txt
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from overhead.ours import WITHOUT_REPEATS, Ours
from overhead.peers import Hyperopt, Optuna, PyGlove
from overhead.subject import Subject

SIZES = (100, 500, 1_000, 10_000, 100_000)
EARLY, LATE = 500, 100_000
CHEAP = ("Random", "GridSearch", "RegularizedEvolution", "LocalSearch")
SHARE, GROWTH = 1 / 40, 1.1
FEW_STEPS, STEPS = 256, 1_024
PEER_OF_CHEAP = ("optuna RandomSampler", 1_000)
PEERS = {"TPE": "hyperopt tpe.suggest", "NSGA2": "optuna NSGAIISampler"}


def subjects() -> Iterator[Subject]:
    """Everything that is measured."""
    for size in SIZES:
        steps = FEW_STEPS if size <= 1_000 else STEPS
        for name, once in itertools.product(CHEAP, (False, True)):
            yield Ours(name, size, steps, once=once)
        for once in (False, True) if size <= 1_000 else (False,):
            yield Ours("NSGA2", size, 64, once=once, foreign=True)
            yield Ours("TPE", size, 8, once=once, foreign=True)
    for size in SIZES[:4]:
        yield Optuna("RandomSampler", size, 64)
        yield Hyperopt(size, 4)
    for size in SIZES[:3]:
        yield Optuna("TPESampler", size, 4)
        yield Optuna("NSGAIISampler", size, 32, objectives=2, foreign=False)
    for algorithm in ("random", "evolution"):
        yield PyGlove(algorithm, SIZES[0], 2)


def compared(ours: Subject, theirs: Subject, limit: float | None) -> dict[str, Any]:
    """The ratio of ours to theirs."""
    ratio = min(ours.taken) / min(theirs.taken)
    ratios = [a / b for a, b in zip(ours.taken, theirs.taken, strict=True)]
    return {
        "what": f"{ours.name} after {ours.recorded}",
        "against": f"{theirs.name} after {theirs.recorded}",
        "ratio_of_minima": round(ratio, 5),
        "median_ratio": round(statistics.median(ratios), 5),
        "times_as_fast": round(1 / ratio, 2),
        "limit": limit,
        "holds": None if limit is None else ratio <= limit,
    }


def comparisons(measured: Sequence[Subject]) -> Iterator[dict[str, Any]]:
    """All of them, with the limits that there are; those of which both sides were measured."""
    found = {(subject.name, subject.recorded): subject for subject in measured}
    for ours, theirs, limit in pairs():
        if ours in found and theirs in found:
            yield compared(found[ours], found[theirs], limit)


def pairs() -> Iterator[tuple[tuple[str, int], tuple[str, int], float | None]]:
    """What is compared with what, each a name and a number of trials, and the limit of the ratio."""
    for suffix in ("", WITHOUT_REPEATS):
        for name, size in itertools.product(CHEAP, SIZES):
            yield (name + suffix, size), PEER_OF_CHEAP, SHARE
        for name in CHEAP:
            yield (name + suffix, LATE), (name + suffix, EARLY), GROWTH
        for (name, peer), size in itertools.product(PEERS.items(), SIZES):
            yield (name + suffix, size), (peer, size), 1
    for name, size in itertools.product((*CHEAP, *PEERS), SIZES):
        yield (name + WITHOUT_REPEATS, size), (name, size), None
    for name in PEERS:
        yield (name, LATE), (name, EARLY), None
    for size in SIZES:
        yield ("TPE", size), ("optuna TPESampler", size), None
    for name, algorithm in (("Random", "random"), ("RegularizedEvolution", "evolution")):
        yield (name, SIZES[0]), (f"pyglove {algorithm}", SIZES[0]), None


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=[""], help="subjects with one of these in their names")
    options = parser.parse_args()
    measured = [subject for subject in subjects() if any(word in subject.name for word in options.only)]
    rng = np.random.default_rng(0)
    for _ in range(options.repeats):
        for place in rng.permutation(len(measured)):
            measured[place].measure()
    for subject in measured:
        times = {"min": round(min(subject.taken), 2), "median": round(statistics.median(subject.taken), 2)}
        print(json.dumps({"what": subject.name, "recorded": subject.recorded, "us": times}), flush=True)
    for row in comparisons(measured):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
