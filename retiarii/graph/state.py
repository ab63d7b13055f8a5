"""What a module holds before it is traced, to be put back afterwards."""

from __future__ import annotations

from typing import Any

from torch import nn

from retiarii.errors import TraceError
from retiarii.graph.turns import Call


class State:
    """What a module holds before its forward runs, so that tracing leaves no mark on it."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.attributes = dict(module.__dict__)
        self.buffers = dict(module._buffers)
        self._table = module._buffers

    def checked(self, result: Any) -> Any:
        """The result of a forward, if that left the module's buffers alone."""
        if any(self.module._buffers.get(name) is not buffer for name, buffer in self.buffers.items()):
            raise TraceError("its forward replaces a buffer of the module")
        return result

    def restore(self) -> None:
        """Put attributes and buffers back."""
        for function, *arguments in self.undoing():
            function(*arguments)

    def undoing(self) -> list[Call]:
        """The calls that put attributes and buffers back."""
        tables = ((self.module.__dict__, self.attributes), (self._table, self.buffers))
        return [step for table, before in tables for step in ((table.clear,), (table.update, before))]


def modes(root: nn.Module) -> list[Call]:
    """The calls that give a module and those in it the mode, training or evaluation, that each is in now."""
    return [
        (inner.__dict__.__setitem__, "training", inner.training)
        if "training" in inner.__dict__
        else (setattr, inner, "training", inner.training)
        for inner in root.modules()
    ]
