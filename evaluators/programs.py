"""Models as programs that other software runs: `torch.export` and ONNX."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.onnx import ONNXProgram

_NEEDED = ("onnx", "onnxscript")
_CHATTING = ("torch.onnx._internal.exporter._registration", "torch._subclasses.fake_tensor")
"""The one says at every export that torchvision is not installed; the other logs each error that is also raised."""


def missing_for_onnx() -> str:
    """The packages that ONNX needs and that are not installed, as words; empty if there are none."""
    return " and ".join([name for name in _NEEDED if find_spec(name) is None])


def exported_program(model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any] | None = None) -> ExportedProgram:
    """What a model computes in evaluation mode, as `torch.export` has it; the model is left as it was.

    A single tensor is a batch, unless it is one row: the program takes any number of examples. Other inputs keep the
    shapes that are given.

    Args:
        model: The model.
        args: Inputs by position.
        kwargs: Inputs by name.
    """
    inputs, shapes = tuple(args), None
    if len(inputs) == 1 and not kwargs and _is_batch(inputs[0]):
        (batch,) = inputs
        # the number of a single example would be taken as a constant
        inputs, shapes = (torch.cat([batch, batch]) if len(batch) == 1 else batch,), ({0: Dim.DYNAMIC},)
    was_training = model.training
    model.eval()
    try:
        with _quietly():
            return torch.export.export(model, inputs, dict(kwargs or {}), dynamic_shapes=shapes)
    finally:
        model.train(was_training)


def onnx_program(program: ExportedProgram) -> ONNXProgram:
    """A program in the words of ONNX; it needs what `missing_for_onnx` looks for."""
    with _quietly():
        converted = torch.onnx.export(program, verbose=False)
    if converted is None:
        raise AssertionError("torch.onnx.export gives a program where no file is named")
    return converted


def _is_batch(given: Any) -> bool:
    return isinstance(given, Tensor) and given.ndim > 0 and (given.ndim > 1 or len(given) == 1)


@contextmanager
def _quietly() -> Iterator[None]:
    """Keeps from the user what torch says of itself when all is well."""
    loggers = [logging.getLogger(name) for name in _CHATTING]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*LeafSpec.* is deprecated")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
