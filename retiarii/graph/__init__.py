"""The graph of a model: traced from a module, rewritten by mutators, turned into modules, code and pictures."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from retiarii.graph.graph import Graph
from retiarii.graph.node import Node

if TYPE_CHECKING:
    from retiarii.graph.tracing import trace

__all__ = ["Graph", "Node", "trace"]


def __getattr__(name: str) -> object:
    if name != "trace":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module("retiarii.graph.tracing").trace
