"""A program that tries to load torch and what belongs to it, and prints what it sees as JSON.

It runs in a process of its own, because a broken build may take that down.
"""

from __future__ import annotations

import json
from importlib import import_module
from importlib.util import find_spec
from typing import Any


def _torch() -> dict[str, Any]:
    torch = import_module("torch")
    gpus = []
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        about = torch.cuda.get_device_properties(number)
        gpus.append({"name": about.name, "memory": about.total_memory})
    return {
        "version": torch.__version__,
        "cuda": torch.version.cuda,
        "gpus": gpus,
        "mps": torch.backends.mps.is_available(),
        "threads": torch.get_num_threads(),
    }


def _tried(name: str) -> dict[str, Any]:
    if find_spec(name) is None:
        return {"missing": True}
    try:
        return _torch() if name == "torch" else {"version": str(import_module(name).__version__)}
    except BaseException as error:  # noqa: BLE001  whatever it is, it is what there is to say
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    print(json.dumps({name: _tried(name) for name in ("torch", "torchvision")}))
