"""What the forms of one model must have in common."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def run_code(text: str) -> nn.Module:
    """A new model from generated code, which does without this project."""
    assert "retiarii" not in text, text
    namespace: dict[str, Any] = {"__name__": "generated"}
    exec(compile(text, "<generated>", "exec"), namespace)  # noqa: S102
    model: nn.Module = namespace["Model"]()
    return model


def assert_same(first: nn.Module, second: nn.Module, x: torch.Tensor) -> None:
    """Assert that two models have the same state, and with the same weights compute the same in both modes."""
    assert set(first.state_dict()) == set(second.state_dict())
    second.load_state_dict(first.state_dict())
    for mode in (False, True):
        outputs = []
        for model in (first, second):
            model.train(mode)
            torch.manual_seed(0)
            outputs.append(model(x.clone()))
        torch.testing.assert_close(outputs[0], outputs[1], rtol=0, atol=0, equal_nan=True)


def assert_plain(model: nn.Module) -> None:
    """Assert that nothing of this project is part of a model."""
    for module in model.modules():
        for cls in type(module).__mro__:
            assert "retiarii" not in cls.__module__, cls
        for name, value in vars(module).items():
            assert "retiarii" not in type(value).__module__, (name, value)
