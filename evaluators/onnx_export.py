"""Trained models as ONNX files."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from retiarii.errors import ExperimentError
from retiarii.evaluators.quiet import quietly

FILE = "model.onnx"
_NEEDED = ("onnx", "onnxscript")
_CHATTING = "torch.onnx._internal.exporter._registration"
"""Says at every export that torchvision is not installed."""


def check_onnx(wanted: bool) -> None:
    """Sees that models can be exported, if that is wanted.

    Raises:
        ExperimentError: what it takes is not installed.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None] if wanted else []
    if missing:
        raise ExperimentError(f"export_onnx=True needs {' and '.join(missing)}: pip install 'retiarii[onnx]'")


def export_onnx(model: nn.Module, example: Tensor, folder: Path) -> Path:
    """Writes a model to `model.onnx` in a folder, for any number of examples, and leaves it as it was.

    Args:
        model: The model.
        example: Inputs of one example, of shape (1, ...).
        folder: Made if there is none.

    Returns:
        The path of the file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    was_training = model.training
    model.eval()
    logger = logging.getLogger(_CHATTING)
    level = logger.level
    logger.setLevel(logging.ERROR)
    device = next(model.parameters()).device
    inputs = torch.cat([example, example]).to(device)  # the number of a single example would be taken as a constant
    try:
        with quietly():
            torch.onnx.export(
                model,
                (inputs,),
                folder / FILE,
                dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
                external_data=False,
                verbose=False,
            )
    finally:
        logger.setLevel(level)
        model.train(was_training)
    return folder / FILE
