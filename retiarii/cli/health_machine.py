"""Cores, memory and GPUs, and whether torch can use them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from retiarii.cli.finding import Finding

_PATIENCE = 120.0
_GIB = 2**30


def machine() -> Iterator[Finding]:
    from retiarii.execution.process.resources import cores  # noqa: PLC0415  broken parts are findings of their own

    yield Finding("devices", "cores", f"{cores()} that may be used")


def memory() -> Iterator[Finding]:
    import psutil  # noqa: PLC0415  broken parts are findings of their own

    seen = psutil.virtual_memory()
    yield Finding("devices", "memory", f"{_gib(seen.total)}, of which {_gib(seen.available)} are free")


def torch() -> Iterator[Finding]:
    """Whether torch works, what it can use, and whether torchvision fits it."""
    seen = _probed()
    found = seen["torch"]
    if "error" in found or "missing" in found:
        said = found.get("error", "not installed")
        yield Finding("torch", "torch", said, "broken", "install the build for your machine: https://pytorch.org")
    else:
        yield from _devices(found)
    yield from _torchvision(seen["torchvision"])


def _devices(found: dict[str, Any]) -> Iterator[Finding]:
    build = f"CUDA {found['cuda']}" if found["cuda"] else "no CUDA"
    yield Finding("torch", "torch", f"{found['version']} loads, {build}, {found['threads']} threads")
    for number, gpu in enumerate(found["gpus"]):
        yield Finding("devices", f"GPU {number}", f"{gpu['name']}, {_gib(gpu['memory'])}")
    if found["mps"]:
        yield Finding("devices", "GPU", "Apple's, as the device mps")
    elif not found["gpus"] and any(Path("/dev").glob("nvidia[0-9]*")):
        remedy = "install a build of torch with the CUDA that the driver supports: https://pytorch.org"
        yield Finding("devices", "GPU", "there is one that torch can't use", "warning", remedy)
    elif not found["gpus"]:
        yield Finding("devices", "GPU", "none; models are trained on the cores")


def _torchvision(found: dict[str, Any]) -> Iterator[Finding]:
    if "error" in found:
        remedy = "pip uninstall torchvision, or install the one that belongs to the build of torch: pytorch.org"
        said = f"doesn't fit torch, and so Lightning can't be imported: {found['error']}"
        yield Finding("torch", "torchvision", said, "broken", remedy)
    elif "version" in found:
        yield Finding("torch", "torchvision", f"{found['version']} loads")


def _probed() -> dict[str, dict[str, Any]]:
    """What a process of its own sees of torch."""
    program = str(Path(__file__).with_name("probe.py"))
    try:
        done = subprocess.run(  # noqa: S603  our own program
            [sys.executable, "-P", program], capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return {"torch": {"error": f"import torch has not ended after {_PATIENCE:g} s"}, "torchvision": {}}
    lines = done.stdout.strip().splitlines()
    if done.returncode == 0 and lines:
        seen: dict[str, dict[str, Any]] = json.loads(lines[-1])
        return seen
    last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
    return {
        "torch": {"error": f"import torch ends the process with code {done.returncode}: {last[0]}"},
        "torchvision": {},
    }


def _gib(count: float) -> str:
    return f"{count / _GIB:.1f} GiB"


CHECKS: tuple[Callable[[], Iterable[Finding]], ...] = (machine, memory, torch)
