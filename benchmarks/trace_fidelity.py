"""How much of published models does tracing keep?

Models that nobody wrote for this project, from a dozen packages (`benchmarks/zoo`), are traced, rebuilt from their
graph, written as code and as JSON, and compared with the original to the bit. One JSON line is printed for each
model and a summary at the end; `fidelity/report.py` says what the fields mean. A model that stays one opaque node is
equal by construction, so look at `equal_without_opaque_percent` and `mean_opaque_share` beside the plain percentages.

The packages want an environment of their own, because some would otherwise bring torchvision (no model here needs it):

    python3.11 -m venv /tmp/zoo
    /tmp/zoo/bin/pip install torch==2.13.0
    /tmp/zoo/bin/pip install --no-deps -r benchmarks/requirements-zoo.txt -e .
    /tmp/zoo/bin/python benchmarks/trace_fidelity.py --jobs 2 --json fidelity.json

`requirements-zoo.txt` lists everything that is needed, so that pip need not resolve anything.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import torch
from fidelity.processes import Work, reports
from fidelity.report import summarize

LIBRARIES = (
    "diffusers",
    "efficientnets",
    "kornia",
    "monai",
    "pytorchcv",
    "sequences",
    "signals",
    "transformers",
    "vit_pytorch",
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark from the command line."""
    options = _parser().parse_args(arguments)
    _be_quiet()
    torch.set_num_threads(1)
    found = []
    for report in reports(_work(options.library, re.compile(options.model)), options.jobs):
        found.append(report)
        print(json.dumps(asdict(report)), flush=True)
    summary = summarize(found)
    print(json.dumps(summary, indent=2))
    if options.json is not None:
        models = [asdict(report) for report in found]
        options.json.write_text(json.dumps({"summary": summary, "models": models}, indent=1), encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--library", nargs="+", choices=LIBRARIES, default=LIBRARIES, help="only these (default: all)")
    parser.add_argument("--model", default="", metavar="REGEX", help="only models whose name has a match")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the summary and all reports to this file")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time (default: 1)")
    return parser


def _be_quiet() -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)


def _work(libraries: Sequence[str], pattern: re.Pattern[str]) -> list[Work]:
    work = []
    for library in libraries:
        zoo = import_module(f"zoo.{library}")
        chosen = [(library, model) for model in zoo.models() if pattern.search(model.name)]
        if chosen:
            _import(zoo.IMPORTS)
        work += chosen
    if not work:
        sys.exit(f"no model of {', '.join(libraries)} has a name with a match of {pattern.pattern!r}")
    return work


def _import(packages: Sequence[str]) -> None:
    """Import once what every process would otherwise import for itself."""
    for package in packages:
        try:
            import_module(package)
        except ImportError as error:
            print(f"{error}: its models will be reported as failures", file=sys.stderr)


if __name__ == "__main__":
    main()
