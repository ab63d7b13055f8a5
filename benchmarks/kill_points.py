"""What searches lose when they are killed a thousand times, run out of disk, or print a gigabyte: nothing.

    python benchmarks/kill_points.py [--kills 1000]

Seven tenths of the kills are of the process of a search, two tenths of one with workers, one tenth of workers. Prints
one JSON object a line, with what was done, what was found and `seconds`, then one that says whether all is well; the
exit status is 1 where it is not. It needs fork, signals and /proc, so Linux.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

PROGRAMS = Path(__file__).resolve().parent.parent / "tests" / "faults" / "programs"
NONE_OF = ("lost", "changed", "torn", "orphans", "unended", "wrong", "others", "left", "late", "left running")
GIGABYTE = 1000
LITTLE = 20
"""Megabytes."""

Found = Mapping[str, Any]


def is_clean(found: Found) -> bool:
    """Whether nothing was found that there must not be, and every search went on as one never disturbed."""
    return not any(found.get(name) for name in NONE_OF) and found.get("sequences") == found.get("ends")


def named(found: Found) -> bool:
    """Whether each killed worker cost its own trial at most, which says so."""
    return is_clean(found) and not found["unnamed"] and found["failed"] <= found["kills"]


def ended(found: Found) -> bool:
    """Whether every search obeyed its signals and went on afterwards."""
    return is_clean(found) and not found["codes"] and found["resumed"] == found["ended as they should"]


def stopped(found: Found) -> bool:
    """Whether every search named the full disk, and went on when there was room."""
    return is_clean(found) and found["stopped"] == found["named"] == found["finished"]


def small(found: Found) -> bool:
    """Whether what was printed took little memory and disk."""
    return bool(found["last words"]) and found["grown"] < LITTLE and found["disk"] < LITTLE


def plans(kills: int) -> dict[str, tuple[Callable[[Found], bool], list[Any]]]:
    """For each fault: what must be true of what is found, the program, and its arguments but for the folder."""
    return {
        "kills of a search": (is_clean, ["kills.py", "sequential", kills * 7 // 10]),
        "kills of a search with workers": (is_clean, ["kills.py", "process", kills * 2 // 10]),
        "kills of workers": (named, ["workers.py", kills // 10]),
        "signals": (ended, ["signals.py", max(8, kills // 10)]),
        "no space": (stopped, ["full.py", "limit", max(8, kills // 10)]),
        "a gigabyte printed": (small, ["prints.py", GIGABYTE]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    bad = []
    for name, (is_right, (program, *arguments)) in plans(parser.parse_args().kills).items():
        begin = time.monotonic()
        with tempfile.TemporaryDirectory() as directory:
            command = [sys.executable, PROGRAMS / program, *map(str, arguments), directory]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        found = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else {"status": done.returncode}
        is_well = done.returncode == 0 and is_right(found)
        print(
            json.dumps({"fault": name, "well": is_well, **found, "seconds": round(time.monotonic() - begin, 1)}),
            flush=True,
        )
        if not is_well:
            bad.append(name)
    print(json.dumps({"well": not bad, "bad": bad}))
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
