"""What a module holds before it is traced, to be put back afterwards."""

from __future__ import annotations

from typing import Any

from torch import nn

from retiarii.errors import TraceError


class State:
    """What a module holds before its forward runs, so that tracing leaves no mark on it."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.attributes = dict(module.__dict__)
        self.buffers = dict(module._buffers)

    def checked(self, result: Any) -> Any:
        """The result of a forward, if that left the module's buffers alone."""
        if any(self.module._buffers.get(name) is not buffer for name, buffer in self.buffers.items()):
            raise TraceError("its forward replaces a buffer of the module")
        return result

    def restore(self) -> None:
        """Put attributes and buffers back."""
        self.module.__dict__.clear()
        self.module.__dict__.update(self.attributes)
        self.module._buffers.clear()
        self.module._buffers.update(self.buffers)
