"""What models cost: parameters, operations, memory and time, from the graph of a space."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES: dict[str, str] = {
    "ActivationMemory": "costs",
    "Cost": "costs",
    "Bounds": "bounds",
    "Expectation": "expectation",
    "Flops": "costs",
    "Latency": "latency",
    "LatencyTable": "table",
    "Macs": "costs",
    "Parameters": "costs",
    "TableError": "table",
    "Timing": "timing",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; there are {', '.join(sorted(_HOMES))}")
    found = getattr(import_module(f"retiarii.profiler.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(_HOMES)
